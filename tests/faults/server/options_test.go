package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestCommandLineOverridesTheEnvironment(t *testing.T) {
	o, err := parseOptions([]string{"--after", "5", "--ready-delay", "1s"}, environment(map[string]string{
		"FAULT": "leak,exit", "FAULT_AFTER": "9", "FAULT_BYTES": "100", "FAULT_READY_DELAY": "2s",
	}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !o.faults["leak"] || !o.faults["exit"] || o.faults["hang"] {
		t.Errorf("faults = %v", o.faults)
	}
	if o.trigger.after != 5 || o.bytes != 100 || o.readyDelay != time.Second {
		t.Errorf("options = %+v", o)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	cases := []struct{ args, env, want string }{
		{args: "--fault hangs", want: `unknown fault "hangs"`},
		{args: "--every 0", want: "--every"},
		{args: "--after -1", want: "--after"},
		{args: "--fault slow", want: "--work"},
		{args: "stray", want: "stray"},
		{env: "many", want: `FAULT_AFTER="many"`},
	}
	for _, c := range cases {
		values := map[string]string{}
		if c.env != "" {
			values["FAULT_AFTER"] = c.env
		}
		_, err := parseOptions(strings.Fields(c.args), environment(values), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q with %v: error %v, want one with %q", c.args, values, err, c.want)
		}
	}
}

func TestHelpListsEveryFault(t *testing.T) {
	var help strings.Builder
	_, _ = parseOptions([]string{"--help"}, environment(nil), &help)
	for name := range known {
		if !strings.Contains(help.String(), "  "+name+" ") {
			t.Errorf("%s is not in the help", name)
		}
	}
}
