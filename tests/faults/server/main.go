// Command faults is a small model server, written to be measured, that goes wrong on request.
//
// It serves the model "toy" over the Open Inference Protocol (HTTP, JSON tensors) and over a plain
// JSON endpoint. The tests in tests/faults start it with --fault NAME; faults --help lists them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

const (
	shutdownGrace = time.Second
	childLifetime = 2 * time.Minute
	childArgument = "child-of-the-fork-fault"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		time.Sleep(childLifetime) // long for a test, and still not for ever
		return
	}
	o, err := parseOptions(os.Args[1:], os.LookupEnv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	stopping := make(chan os.Signal, 1)
	signal.Notify(stopping, syscall.SIGTERM, syscall.SIGINT)
	if o.faults["ignore-sigterm"] {
		signal.Ignore(syscall.SIGTERM)
	}
	if o.faults["chatty"] {
		chatter(200)
	}
	if o.faults["fork"] {
		if err := fork(); err != nil {
			return err
		}
	}
	if o.faults["crash-at-start"] {
		crash()
	}
	if o.faults["never-live"] {
		fmt.Println("loading the model")
		<-stopping
		return nil
	}
	return serve(o, stopping)
}

func serve(o options, stopping <-chan os.Signal) error {
	address := o.http
	if o.faults["wrong-port"] {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	httpServer := &http.Server{Handler: newServer(o).handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-stopping:
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := httpServer.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	fmt.Println("requests still in flight, closing")
	return httpServer.Close()
}

// crash leaves more lines than a reader wants to see, the telling one last.
func crash() {
	for shard := 1; shard <= 59; shard++ {
		fmt.Printf("loading shard %d of 60\n", shard)
	}
	fmt.Println("fatal: shard 60 of 60 is corrupt")
	os.Exit(3)
}

// fork starts a child in the same process group, with the same stdout and stderr.
func fork() error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(executable, childArgument)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println("started child", child.Process.Pid)
	return nil
}

// chatter logs what a terminal or a decoder may choke on, among ordinary lines.
func chatter(lines int) {
	for i := 0; i < lines; i++ {
		switch i % 4 {
		case 0:
			fmt.Printf("\x1b[31mwarning\x1b[0m: \x1b[2J\x1b[Hcache miss %d\n", i)
		case 1:
			fmt.Printf("raw bytes \xff\xfe\x80 %d\n", i)
		case 2:
			fmt.Printf("\x1b]0;owned\a progress %d\r", i)
		default:
			fmt.Printf("plain line %d\n", i)
		}
	}
}
