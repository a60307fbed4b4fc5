// Command openid is an OpenID provider for tests: in memory, on a free port of this machine,
// until its standard input ends. It prints its issuer as the first line.
//
// Its accounts are ada, who has a mail address, and eve, who has none. The password is the name.
package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// accounts are the people who can sign in, by name.
type accounts map[string]*storage.User

func (a accounts) GetUserByID(id string) *storage.User         { return a[id] }
func (a accounts) GetUserByUsername(name string) *storage.User { return a[name] }
func (a accounts) ExampleClientID() string                     { return "service" }

func account(name, email string) *storage.User {
	return &storage.User{ID: name, Username: name, Password: name, FirstName: name, LastName: "Lovelace", Email: email, EmailVerified: true}
}

func main() {
	redirect := flag.String("redirect", "", "address that people may be sent back to")
	flag.Parse()
	if err := run(*redirect); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(redirect string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String() + "/"
	storage.RegisterClients(storage.WebClient("parley", "secret&more=", redirect), storage.WebClient("other", "secret", redirect))
	people := accounts{
		"ada": account("ada", "ada@example.org"),
		"eve": account("eve", ""),
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server := &http.Server{Handler: exampleop.SetupServer(issuer, storage.NewStorage(people), log, false), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	fmt.Println(issuer)
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
