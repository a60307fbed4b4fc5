package app_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oasdiff/yaml3"
)

const (
	composeFile    = "../../docker/compose.yaml"
	prometheusFile = "../../docker/prometheus/prometheus.yaml"
	boardsFile     = "../../docker/grafana/provisioning/dashboards/parley.yaml"
)

// The containers of the compose file find each other and their files.
func TestComposeFileFitsItself(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Profiles    []string          `yaml:"profiles"`
			Volumes     []string          `yaml:"volumes"`
			Environment map[string]string `yaml:"environment"`
			Ports       []string          `yaml:"ports"`
		} `yaml:"services"`
		Volumes map[string]any `yaml:"volumes"`
	}
	read(t, composeFile, yaml.Unmarshal, &compose)
	at := map[string]string{} // files of the repository by their paths in containers
	for name, s := range compose.Services {
		for _, v := range s.Volumes {
			from, to, _ := strings.Cut(strings.TrimSuffix(v, ":ro"), ":")
			if _, declared := compose.Volumes[from]; declared {
				continue
			}
			here := filepath.Join(filepath.Dir(composeFile), from)
			if _, err := os.Stat(here); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			at[to] = here
		}
	}
	inside := func(file string) {
		t.Helper()
		if here, mounted := at[path.Dir(file)]; !mounted {
			t.Errorf("%s is in no container", file)
		} else if _, err := os.Stat(filepath.Join(here, path.Base(file))); err != nil {
			t.Error(err)
		}
	}

	var prometheus struct {
		Rules  []string `yaml:"rule_files"`
		Scrape []struct {
			DNS []struct {
				Names []string `yaml:"names"`
				Port  string   `yaml:"port"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, prometheusFile, yaml.Unmarshal, &prometheus)
	for _, file := range prometheus.Rules {
		inside(file)
	}
	target := prometheus.Scrape[0].DNS[0]
	node := compose.Services[target.Names[0]]
	if node.Environment["PARLEY_DEBUG_ADDR"] != ":"+target.Port {
		t.Errorf("Prometheus asks port %s of a node that listens at %s", target.Port, node.Environment["PARLEY_DEBUG_ADDR"])
	}
	for _, p := range node.Ports {
		if strings.Contains(p, target.Port) {
			t.Errorf("the internal address is published as %s", p)
		}
	}

	var boards struct {
		Providers []struct {
			Options struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
	read(t, boardsFile, yaml.Unmarshal, &boards)
	home := compose.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	inside(home)
	if len(boards.Providers) != 1 || boards.Providers[0].Options.Path != path.Dir(home) {
		t.Errorf("dashboards are looked for in %+v", boards.Providers)
	}

	var sources struct {
		Datasources []struct {
			URL string `yaml:"url"`
		} `yaml:"datasources"`
	}
	read(t, sourcesFile, yaml.Unmarshal, &sources)
	if len(sources.Datasources) != 1 || sources.Datasources[0].URL != "http://prometheus:9090" {
		t.Errorf("%+v", sources)
	}
	for _, name := range []string{"prometheus", "grafana"} {
		if s := compose.Services[name]; len(s.Profiles) != 1 || s.Profiles[0] != "observe" {
			t.Errorf("%s comes without being asked for", name)
		}
		for _, p := range compose.Services[name].Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is open to the network at %s", name, p)
			}
		}
	}
}
