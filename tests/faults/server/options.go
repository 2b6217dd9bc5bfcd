package main

import (
	"flag"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// known lists the faults. Those of a request obey --after, --every and --for.
var known = map[string]string{
	// at start
	"crash-at-start": "print 60 lines of log, then exit 3 without ever listening",
	"never-live":     "run, but do not listen",
	"never-ready":    "listen and be live, but never ready",
	"wrong-port":     "listen on another port than --http says",
	"other-contract": "declare output y as FP64 [-1,4] in the model's metadata",
	// at stop
	"ignore-sigterm": "go on after SIGTERM",
	"fork":           "start a child that ignores SIGTERM, holds stdout open and outlives the server",
	// of a request: no answer
	"exit":      "exit 3",
	"hang":      "never answer the request; health checks are still answered",
	"reset":     "reset the connection (RST)",
	"truncated": "promise a longer body than is sent, then close",
	"garbage":   "answer 200 with something that is not JSON",
	"error-500": "answer 500",
	// of a request: a wrong answer
	"wrong-shape":      "add a fourth column to output y",
	"wrong-dtype":      "call output y FP64",
	"missing-output":   "leave output label out",
	"extra-output":     "add an output named extra",
	"nan":              "the first score is NaN",
	"inf":              "the first score is Infinity",
	"drift":            "add --eps to every score",
	"drift-under-load": "add --eps to every score, only while two requests or more are in flight",
	// of a request: a bad citizen
	"leak":   "keep --bytes more, touched",
	"hog":    "allocate --bytes once and for all, touched",
	"slow":   "do --slow times the --work",
	"chatty": "log 20 lines, some with escape sequences or invalid UTF-8; 200 more at start",
}

type options struct {
	http       string
	faults     map[string]bool
	trigger    trigger
	bytes      int64
	work       time.Duration
	slow       float64
	eps        float64
	readyDelay time.Duration
}

// parseOptions reads the command line over the environment: FAULT is --fault, FAULT_AFTER is
// --after, FAULT_READY_DELAY is --ready-delay, and so on.
func parseOptions(args []string, lookup func(string) (string, bool), usage io.Writer) (options, error) {
	var o options
	var names string
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() { printUsage(usage, flags) }
	flags.StringVar(&o.http, "http", "127.0.0.1:8000", "address to listen on")
	flags.StringVar(&names, "fault", "", "what to do wrong; several with commas between")
	flags.Int64Var(&o.trigger.after, "after", 0, "inference requests answered well before the fault")
	flags.Int64Var(&o.trigger.every, "every", 1, "the fault touches each k-th request from then on")
	flags.Int64Var(&o.trigger.limit, "for", 0, "the fault touches so many requests; 0: no end")
	flags.Int64Var(&o.bytes, "bytes", 64<<10, "what leak keeps per request, or hog in all")
	flags.DurationVar(&o.work, "work", 0, "computation per request: this long on a 3 GHz core")
	flags.Float64Var(&o.slow, "slow", 2, "what slow multiplies --work by")
	flags.Float64Var(&o.eps, "eps", 0.01, "what drift adds")
	flags.DurationVar(&o.readyDelay, "ready-delay", 0, "how long to be live before being ready")

	if err := setFromEnvironment(flags, lookup); err != nil {
		return o, err
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.trigger.every < 1 || o.trigger.after < 0 || o.trigger.limit < 0 || o.bytes < 0 {
		return o, fmt.Errorf("--every must be at least 1; --after, --for and --bytes at least 0")
	}
	var err error
	o.faults, err = parseFaults(names)
	if err == nil && o.faults["slow"] && o.work <= 0 {
		err = fmt.Errorf("fault slow multiplies --work, which is not set")
	}
	return o, err
}

func setFromEnvironment(flags *flag.FlagSet, lookup func(string) (string, bool)) error {
	var failed error
	flags.VisitAll(func(f *flag.Flag) {
		name := "FAULT"
		if f.Name != "fault" {
			name += "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		}
		if value, ok := lookup(name); ok {
			if err := flags.Set(f.Name, value); err != nil {
				failed = fmt.Errorf("%s=%q: %w", name, value, err)
			}
		}
	})
	return failed
}

func parseFaults(names string) (map[string]bool, error) {
	faults := map[string]bool{}
	for _, name := range strings.Split(names, ",") {
		if name == "" {
			continue
		}
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("unknown fault %q; one of: %s", name, strings.Join(faultNames(), ", "))
		}
		faults[name] = true
	}
	return faults, nil
}

func faultNames() []string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func printUsage(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintln(w, "A small model server that can be told to go wrong. Options (FAULT_… in the environment):")
	flags.PrintDefaults()
	fmt.Fprintln(w, "Faults:")
	for _, name := range faultNames() {
		fmt.Fprintf(w, "  %-17s %s\n", name, known[name])
	}
}
