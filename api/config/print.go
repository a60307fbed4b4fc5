package config

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// Setting is one value of a configuration for people: secrets are redacted.
type Setting struct {
	Flag   string `json:"flag"`
	Env    string `json:"env,omitempty"`
	Value  string `json:"value"`
	Source string `json:"source"` // flag, default, or the name of a variable or file
}

const (
	fromFlag    = "flag"
	fromDefault = "default"
)

// Redacted returns the settings of c in the order of the reference, without secrets.
func (s *Source) Redacted(c *Common) []Setting {
	var all []Setting
	for _, f := range fieldsOf(c) {
		from, ok := s.origin[f.name]
		if !ok {
			from = fromFlag
		}
		all = append(all, Setting{"--" + f.name, f.from, redact(f.secret, textOf(f.value)), from})
	}
	return all
}

// WriteSettings writes settings as a table.
func WriteSettings(w io.Writer, settings []Setting) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FLAG\tVALUE\tFROM")
	for _, s := range settings {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Flag, s.Value, s.Source)
	}
	return t.Flush()
}

// field is a leaf of a Common.
type field struct {
	group  string
	name   string
	from   string
	def    string
	help   string
	secret string
	value  reflect.Value
}

// fieldsOf returns the leaves of c in the order of their declaration.
func fieldsOf(c *Common) []field {
	var all []field
	for group, g := range reflect.ValueOf(c).Elem().Fields() {
		for f, v := range g.Fields() {
			all = append(all, field{
				group: group.Tag.Get("group"), name: f.Tag.Get("name"), from: f.Tag.Get("from"), def: f.Tag.Get("default"),
				help: f.Tag.Get("help"), secret: f.Tag.Get("secret"), value: v,
			})
		}
	}
	return all
}

func textOf(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ",")
	case *bool:
		return fmt.Sprint(*x) // set by Settle
	case map[string]string:
		text := strings.TrimPrefix(fmt.Sprint(x), "map[") // sorted by key
		return strings.ReplaceAll(strings.TrimSuffix(text, "]"), ":", "=")
	default:
		return fmt.Sprint(x)
	}
}

const hidden = "<redacted>"

// redact hides what is secret in text: everything, or the password in a URL.
func redact(secret, text string) string {
	switch {
	case text == "":
		return ""
	case secret == "all":
		return hidden
	case secret == "url":
		return redactURL(text)
	case secret == "nats":
		parts := strings.Split(text, ",")
		for i, part := range parts {
			parts[i] = redactNATS(part)
		}
		return strings.Join(parts, ",")
	}
	return text
}

var passwordParameter = regexp.MustCompile(`(?i)((?:password|sslpassword|passfile)\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]*)`)

// redactURL hides the passwords of a URL, or of a list of key=value pairs.
func redactURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden // who knows where the password is
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "redacted")
		text = u.String()
	}
	return passwordParameter.ReplaceAllString(text, "${1}redacted")
}

// redactNATS hides the password or, when there is a name alone, that: it is a token.
func redactNATS(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil && strings.Contains(text, "@"):
		return hidden
	case err != nil || u.User == nil:
		if before, host, ok := strings.Cut(text, "@"); ok && before != "" {
			return "redacted@" + host // without a scheme
		}
		return text
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "redacted")
	} else {
		u.User = url.User("redacted")
	}
	return u.String()
}

// helpOf adds the variable to the help of a flag.
func helpOf(v *kong.Value) string {
	from := v.Tag.Get("from")
	if from == "" {
		return kong.DefaultHelpValueFormatter(v)
	}
	help := v.Help
	if v.HasDefault && v.IsBool() { // the others show it as their place holder
		help += " Default: " + v.Default + "."
	}
	return help + " ($" + from + ")"
}

// WriteReference writes the reference of all settings as Markdown tables.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	group := ""
	for _, f := range fieldsOf(&Common{}) {
		if f.group != group {
			group = f.group
			fmt.Fprintf(&b, "\n### %s\n\n| flag | environment | default | |\n|---|---|---|---|\n", group)
		}
		env := "–"
		if f.from != "" {
			env = "`" + f.from + "`"
		}
		def := "–"
		if f.def != "" {
			def = "`" + f.def + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", f.name, env, def, strings.ReplaceAll(f.help, "|", `\|`))
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}
