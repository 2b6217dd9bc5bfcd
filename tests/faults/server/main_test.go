package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const beTheServer = "BE_THE_SERVER"

// TestMain lets the test binary stand for the server, so that what ends a process can be tested.
func TestMain(m *testing.M) {
	if os.Getenv(beTheServer) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func launch(t *testing.T, args ...string) process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beTheServer+"=1")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		read.Close()
	})
	return process{cmd, bufio.NewScanner(read)}
}

// line returns the next line of the log that starts so, without that start.
func (p process) line(t *testing.T, start string) string {
	t.Helper()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), start) {
			return strings.TrimPrefix(p.lines.Text(), start)
		}
	}
	t.Fatalf("no line starts with %q", start)
	return ""
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

func TestACrashAtStartLogsAndExits3(t *testing.T) {
	p := launch(t, "--fault", "crash-at-start")
	p.line(t, "fatal: shard 60 of 60")
	if code := exitCode(p.Wait()); code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
}

func TestAnExitUnderLoadIsExit3(t *testing.T) {
	p := launch(t, "--http", "127.0.0.1:0", "--fault", "exit", "--after", "1")
	url := "http://" + p.line(t, "listening on ")
	if status, _, err := ask("POST", url+"/predict", predict1); err != nil || status != 200 {
		t.Errorf("first: %d (%v)", status, err)
	}
	if _, _, err := ask("POST", url+"/predict", predict1); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("second: %v, want the connection to break", err)
	}
	if code := exitCode(p.Wait()); code != 3 {
		t.Errorf("exit %d, want 3", code)
	}
}

func TestTheServerEndsWellOnSigterm(t *testing.T) {
	for _, fault := range []string{"", "hang", "never-live", "wrong-port"} {
		p := launch(t, "--http", "127.0.0.1:0", "--fault", fault)
		if fault == "never-live" {
			p.line(t, "loading the model")
		} else {
			p.line(t, "listening on ")
		}
		_ = p.Process.Signal(syscall.SIGTERM)
		if code := exitCode(p.Wait()); code != 0 {
			t.Errorf("%q: exit %d, want 0", fault, code)
		}
	}
}

func TestAServerThatIgnoresSigtermGoesOn(t *testing.T) {
	p := launch(t, "--http", "127.0.0.1:0", "--fault", "ignore-sigterm")
	url := "http://" + p.line(t, "listening on ")
	_ = p.Process.Signal(syscall.SIGTERM)
	if status, _, err := ask("GET", url+"/healthz", ""); err != nil || status != 200 {
		t.Errorf("after SIGTERM: %d (%v)", status, err)
	}
}

func TestTheWrongPortIsNotTheOneAskedFor(t *testing.T) {
	p := launch(t, "--http", "127.0.0.1:1", "--fault", "wrong-port")
	if address := p.line(t, "listening on "); strings.HasSuffix(address, ":1") {
		t.Errorf("listens on %s", address)
	}
}

func TestAForkedChildOutlivesTheServer(t *testing.T) {
	p := launch(t, "--http", "127.0.0.1:0", "--fault", "fork")
	pid, err := strconv.Atoi(p.line(t, "started child "))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	p.line(t, "listening on ")
	_ = p.Process.Signal(syscall.SIGTERM)
	if code := exitCode(p.Wait()); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the child is gone: %v", err)
	}
}

func TestAnUnknownFaultIsExit2(t *testing.T) {
	p := launch(t, "--fault", "hangs")
	p.line(t, `faults: unknown fault "hangs"`)
	if code := exitCode(p.Wait()); code != 2 {
		t.Errorf("exit %d, want 2", code)
	}
}
