package rest

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns an HTTP server for h with bounded patience: a peer that does not send its
// request, or does not take its answer, holds a connection for at most minutes. Connections
// that h takes over, such as WebSockets, are not bounded by it.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // the page over a bad mobile network
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // a token of 8 KiB in the URL, and cookies
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
