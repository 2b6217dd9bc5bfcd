package config

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

func TestDefaultsLookBesideTheProgram(t *testing.T) {
	c, err := Parse(nil, env(nil), "/opt/classifier", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c.Address != "127.0.0.1:8000" || c.Threads != 1 || c.LogLevel != slog.LevelInfo {
		t.Errorf("defaults: %+v", c)
	}
	if c.ModelPath != "/opt/classifier/model.onnx" || c.LibraryPath != "/opt/classifier/libonnxruntime.so" {
		t.Errorf("paths: %q, %q", c.ModelPath, c.LibraryPath)
	}
}

func TestFlagWinsOverEnvironmentWinsOverDefault(t *testing.T) {
	vars := env(map[string]string{
		"CLASSIFIER_HTTP":        "0.0.0.0:1",
		"CLASSIFIER_THREADS":     "2",
		"CLASSIFIER_DRAIN_DELAY": "5s",
		"CLASSIFIER_LOG_LEVEL":   "debug",
	})
	c, err := Parse([]string{"--threads", "3"}, vars, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c.Threads != 3 {
		t.Errorf("threads = %d, want the flag's 3", c.Threads)
	}
	if c.Address != "0.0.0.0:1" || c.DrainDelay != 5*time.Second || c.LogLevel != slog.LevelDebug {
		t.Errorf("the environment was not read: %+v", c)
	}
	if c.MaxBatch != 16 {
		t.Errorf("max batch = %d, want the default", c.MaxBatch)
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"unknown flag":         {args: []string{"--port", "1"}, want: "port"},
		"argument":             {args: []string{"serve"}, want: `"serve"`},
		"no threads":           {args: []string{"--threads", "0"}, want: "--threads is 0"},
		"negative parallel":    {args: []string{"--parallel", "-1"}, want: "--parallel is -1"},
		"no batch":             {args: []string{"--max-batch", "0"}, want: "--max-batch is 0"},
		"no body":              {args: []string{"--max-body", "0"}, want: "--max-body is 0"},
		"negative delay":       {args: []string{"--drain-delay", "-1s"}, want: "--drain-delay"},
		"no name":              {args: []string{"--model-name", ""}, want: "--model-name"},
		"environment, named":   {env: map[string]string{"CLASSIFIER_THREADS": "many"}, want: "CLASSIFIER_THREADS"},
		"environment, checked": {env: map[string]string{"CLASSIFIER_THREADS": "-2"}, want: "--threads is -2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.args, env(tc.env), "", io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestHelpIsNotAFailure(t *testing.T) {
	var usage strings.Builder
	_, err := Parse([]string{"--help"}, env(nil), "", &usage)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-model-path") {
		t.Errorf("error %v, usage %q", err, usage.String())
	}
}
