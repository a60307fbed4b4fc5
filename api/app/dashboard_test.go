package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oasdiff/yaml3"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"parley/api/fault"
	"parley/api/media/mediatest"
	"parley/api/metrics"
)

const (
	dashboardFile = "../../docker/grafana/dashboards/parley.json"
	sourcesFile   = "../../docker/grafana/provisioning/datasources/prometheus.yaml"
	alertsFile    = "../../docker/prometheus/alerts.yaml"
)

// dashboard is what a test wants to know of a Grafana dashboard.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct {
			Expr         string
			LegendFormat string
			Datasource   struct{ UID string }
		}
	}
	Annotations struct {
		List []struct{ Name, Expr, TextFormat string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

// exposition is what nodes tell Prometheus: of every metric the values of its labels.
type exposition map[string]map[string]map[string]bool

// add takes in a page of metrics.
func (e exposition) add(t *testing.T, page string) {
	t.Helper()
	parse := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parse.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		for _, m := range family.Metric {
			set := map[string]string{}
			for _, l := range m.Label {
				set[l.GetName()] = l.GetValue()
			}
			e.series(name, set)
			if m.Histogram != nil || m.Summary != nil {
				e.series(name+"_sum", set)
				e.series(name+"_count", set)
			}
			if m.Histogram != nil {
				bucket := maps.Clone(set)
				bucket["le"] = "+Inf"
				e.series(name+"_bucket", bucket)
			}
			for _, q := range m.GetSummary().GetQuantile() {
				quantile := maps.Clone(set)
				quantile["quantile"] = fmt.Sprint(q.GetQuantile())
				e.series(name, quantile)
			}
		}
	}
}

func (e exposition) series(name string, set map[string]string) {
	if e[name] == nil {
		e[name] = map[string]map[string]bool{"instance": {"node": true}, "job": {"parley": true}}
	}
	for label, value := range set {
		if e[name][label] == nil {
			e[name][label] = map[string]bool{}
		}
		e[name][label][value] = true
	}
}

// expose runs two nodes with people in a room and returns what the nodes tell.
func expose(t *testing.T) exposition {
	t.Helper()
	c := newCluster(t)
	a, b := c.start("meeting_management=false"), c.start("meeting_management=false")
	room := newRoom()
	ada := a.join(overWS, "ada", room)
	bob := b.join(overWT, "bob", room)
	ada.until("joined bob")
	ada.send(mediatest.Audio("hello"))
	bob.until("audio hello from ada")
	e := exposition{}
	for _, n := range []*node{a, b} {
		c.page(n.HTTP + "/version")
		e.add(t, c.page(n.Debug+"/metrics"))
	}
	e.series("up", nil) // of Prometheus itself
	return e
}

// query is one PromQL expression under test.
type query struct {
	e     exposition
	where string
	wrong func(format string, args ...any)
}

// check parses an expression as Grafana would send it and returns the labels of its result.
func (q query) check(text string) map[string]bool {
	text = strings.NewReplacer("$__rate_interval", "1m", "$node", ".*").Replace(text)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		q.wrong("%s: %v", q.where, err)
		return nil
	}
	return q.labelsOf(expr)
}

// labelsOf returns the labels that the result of an expression has, and reports what is wrong
// with it. Nil is a number without labels.
func (q query) labelsOf(expr parser.Expr) map[string]bool {
	switch x := expr.(type) {
	case *parser.VectorSelector:
		return q.selector(x)
	case *parser.MatrixSelector:
		return q.labelsOf(x.VectorSelector)
	case *parser.SubqueryExpr:
		return q.labelsOf(x.Expr)
	case *parser.ParenExpr:
		return q.labelsOf(x.Expr)
	case *parser.UnaryExpr:
		return q.labelsOf(x.Expr)
	case *parser.StepInvariantExpr:
		return q.labelsOf(x.Expr)
	case *parser.AggregateExpr:
		return q.aggregate(x)
	case *parser.Call:
		return q.call(x)
	case *parser.BinaryExpr:
		return q.binary(x)
	case *parser.NumberLiteral, *parser.StringLiteral:
		return nil
	}
	q.wrong("%s: what is a %T?", q.where, expr)
	return nil
}

func (q query) selector(x *parser.VectorSelector) map[string]bool {
	known, ok := q.e[x.Name]
	if !ok {
		q.wrong("%s: no node tells %s", q.where, x.Name)
		return map[string]bool{}
	}
	for _, m := range x.LabelMatchers {
		switch values := known[m.Name]; {
		case m.Name == model.MetricNameLabel:
		case values == nil:
			q.wrong("%s: %s has no label %s", q.where, x.Name, m.Name)
		case m.Name == "result":
			q.codes(m)
		case m.Name == "status":
		default:
			for value := range strings.SplitSeq(m.Value, "|") {
				if value != ".*" && !values[value] {
					q.wrong("%s: %s has no %s=%q, only %v", q.where, x.Name, m.Name, value, slices.Sorted(maps.Keys(values)))
				}
			}
		}
	}
	has := map[string]bool{}
	for label := range known {
		has[label] = true
	}
	return has
}

// codes checks results of joins, most of which did not happen.
func (q query) codes(m *labels.Matcher) {
	for value := range strings.SplitSeq(m.Value, "|") {
		if _, code := fault.Codes[fault.Code(value)]; !code && value != metrics.Joined && value != metrics.NoHandshake {
			q.wrong("%s: no join ends as %q", q.where, value)
		}
	}
}

func (q query) aggregate(x *parser.AggregateExpr) map[string]bool {
	under := q.labelsOf(x.Expr)
	for _, label := range x.Grouping {
		if !under[label] {
			q.wrong("%s: %s groups by %s, which is not there", q.where, x.Op, label)
		}
	}
	if x.Op == parser.TOPK || x.Op == parser.BOTTOMK {
		return under
	}
	has := map[string]bool{}
	for label := range under {
		has[label] = slices.Contains(x.Grouping, label) != x.Without
	}
	maps.DeleteFunc(has, func(_ string, there bool) bool { return !there })
	return has
}

func (q query) call(x *parser.Call) map[string]bool {
	var has map[string]bool
	for _, arg := range x.Args {
		if under := q.labelsOf(arg); under != nil {
			has = maps.Clone(under)
		}
	}
	if x.Func.Name == "histogram_quantile" {
		if !has["le"] {
			q.wrong("%s: a quantile without buckets", q.where)
		}
		delete(has, "le")
	}
	return has
}

func (q query) binary(x *parser.BinaryExpr) map[string]bool {
	left, right := q.labelsOf(x.LHS), q.labelsOf(x.RHS)
	switch {
	case left == nil:
		return right
	case right != nil && !maps.Equal(left, right) && x.VectorMatching != nil && len(x.VectorMatching.MatchingLabels) == 0:
		q.wrong("%s: %s finds no pairs of %v and %v", q.where, x.Op, slices.Sorted(maps.Keys(left)), slices.Sorted(maps.Keys(right)))
	}
	return left
}

var named = regexp.MustCompile(`{{ *(?:\$labels\.)?([a-z_]+) *}}`)

// legend checks that what a text names is there.
func (q query) legend(text string, has map[string]bool) {
	for _, found := range named.FindAllStringSubmatch(text, -1) {
		if !has[found[1]] {
			q.wrong("%s: %q names %s; there are %v", q.where, text, found[1], slices.Sorted(maps.Keys(has)))
		}
	}
}

// Every panel of the dashboard and every alert asks for what nodes really tell.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	e := expose(t)
	var d dashboard
	read(t, dashboardFile, json.Unmarshal, &d)
	var sources struct {
		Datasources []struct{ UID string } `yaml:"datasources"`
	}
	read(t, sourcesFile, yaml.Unmarshal, &sources)

	seen, asked := map[int]bool{}, 0
	for i, p := range d.Panels {
		if seen[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q has the number of another, or is too wide", p.Title)
		}
		seen[p.ID] = true
		for _, o := range d.Panels[:i] {
			if a, b := p.GridPos, o.GridPos; a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q overlap", p.Title, o.Title)
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			q := query{e, "panel " + p.Title, t.Errorf}
			q.legend(target.LegendFormat, q.check(target.Expr))
			asked++
			if target.Datasource.UID != sources.Datasources[0].UID {
				t.Errorf("%s: no data source %q", q.where, target.Datasource.UID)
			}
		}
	}
	for _, a := range d.Annotations.List {
		q := query{e, "annotation " + a.Name, t.Errorf}
		q.legend(a.TextFormat, q.check(a.Expr))
		asked++
	}
	for _, v := range d.Templating.List {
		m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if m == nil || e[m[1]][m[2]] == nil {
			t.Errorf("variable %s: %s", v.Name, v.Definition)
		}
	}
	if asked < 50 {
		t.Errorf("only %d queries", asked)
	}
}

func TestAlertsAskForWhatThereIs(t *testing.T) {
	e := expose(t)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	read(t, alertsFile, yaml.Unmarshal, &file)
	if len(file.Groups) == 0 || len(file.Groups[0].Rules) < 5 {
		t.Fatalf("%+v", file)
	}
	for _, r := range file.Groups[0].Rules {
		q := query{e, "alert " + r.Alert, t.Errorf}
		q.legend(r.Annotations["summary"], q.check(r.Expr))
	}
}

// A test that cannot fail proves nothing.
func TestBadQueriesAreNoticed(t *testing.T) {
	e := exposition{}
	e.add(t, "# TYPE a_total counter\na_total{kind=\"x\"} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n")
	for text, good := range map[string]bool{
		`sum by (kind) (rate(a_total{kind="x"}[1m]))`:                true,
		`histogram_quantile(.5, sum by (le) (rate(h_bucket[1m])))`:   true,
		`sum(rate(a_total[1m])) / sum(rate(h_count[1m])) > 0`:        true,
		`sum by (kind) (rate(a_total[1m])) / sum(rate(a_total[1m]))`: false,
		`rate(b_total[1m])`:                                           false,
		`rate(a_total{kind="y"}[1m])`:                                 false,
		`rate(a_total{colour="x"}[1m])`:                               false,
		`sum by (colour) (a_total)`:                                   false,
		`histogram_quantile(.5, sum by (instance) (rate(h_sum[1m])))`: false,
		`sum by (kind (a_total)`:                                      false,
	} {
		complaints := 0
		query{e, "query", func(string, ...any) { complaints++ }}.check(text)
		if (complaints == 0) != good {
			t.Errorf("%s: %d complaints", text, complaints)
		}
	}
}

// read decodes a file of the repository.
func read(t *testing.T, path string, decode func([]byte, any) error, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = decode(content, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
