package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests build the program and drive it as its clients and its orchestrator do.

const (
	width   = 2048
	labels  = 214
	padding = 256
	// Places of labels in the model's target_labels_space (config.min.json of the magika wheel).
	labelJSON   = 87
	labelPython = 143
)

var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	// By default what fetch.py put here.
	for name, file := range map[string]string{
		"CLASSIFIER_MODEL_PATH":  "assets/model.onnx",
		"CLASSIFIER_ONNXRUNTIME": "assets/libonnxruntime.so",
	} {
		if os.Getenv(name) != "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			fmt.Fprintf(os.Stderr, "%v: run `python3 fetch.py` first, or set %s\n", err, name)
			return 1
		}
		os.Setenv(name, file)
	}
	dir, err := os.MkdirTemp("", "classifier")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "classifier")
	if output, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// process is a running server.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed when the log has ended

	mu  sync.Mutex
	log []map[string]any
}

// start runs the program on a free port and returns when it is ready.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{})}
	p.cmd = exec.Command(program, append([]string{"--http", "127.0.0.1:0", "--log-level", "debug"}, args...)...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_ = p.cmd.Wait()
	})
	address := make(chan string, 1)
	ready := make(chan struct{})
	go p.readLog(stderr, address, ready)
	for _, wait := range []func() bool{
		func() bool { a, ok := <-address; p.url = "http://" + a; return ok },
		func() bool { _, ok := <-ready; return ok },
	} {
		if !wait() {
			t.Fatalf("the server ended early; its log: %v", p.log)
		}
	}
	return p
}

// readLog collects the log, which must be JSON to the last line.
func (p *process) readLog(stderr io.Reader, address chan<- string, ready chan<- struct{}) {
	defer close(p.done)
	defer close(address)
	defer close(ready)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			p.t.Errorf("log line %q: %v", lines.Text(), err)
			continue
		}
		p.mu.Lock()
		p.log = append(p.log, line)
		p.mu.Unlock()
		switch line["msg"] {
		case "listening":
			address <- line["address"].(string)
		case "ready":
			ready <- struct{}{}
		}
	}
}

func (p *process) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var messages []string
	for _, line := range p.log {
		messages = append(messages, line["msg"].(string))
	}
	return messages
}

func (p *process) get(path string) (int, string) {
	p.t.Helper()
	reply, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.read(reply)
}

func (p *process) read(reply *http.Response) (int, string) {
	p.t.Helper()
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

type answer struct {
	Model   string `json:"model_name"`
	Outputs []struct {
		Name     string    `json:"name"`
		Datatype string    `json:"datatype"`
		Shape    []int     `json:"shape"`
		Data     []float32 `json:"data"`
	} `json:"outputs"`
}

// infer returns the scores of each document.
func (p *process) infer(documents ...string) ([][]float32, error) {
	reply, err := http.Post(p.url+"/v2/models/magika/infer", "application/json", bytes.NewReader(inferBody(documents...)))
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	var got answer
	if err := json.NewDecoder(reply.Body).Decode(&got); err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK || len(got.Outputs) != 1 {
		return nil, fmt.Errorf("status %d, %d outputs", reply.StatusCode, len(got.Outputs))
	}
	output := got.Outputs[0]
	if output.Name != "target_label" || output.Datatype != "FP32" || !slices.Equal(output.Shape, []int{len(documents), labels}) {
		return nil, fmt.Errorf("output %s %s %v", output.Name, output.Datatype, output.Shape)
	}
	return slices.Collect(slices.Chunk(output.Data, labels)), nil
}

func inferBody(documents ...string) []byte {
	rows := [][]int32{}
	for _, document := range documents {
		rows = append(rows, features(document))
	}
	body, err := json.Marshal(map[string]any{"inputs": []any{map[string]any{
		"name": "bytes", "datatype": "INT32", "shape": []int{len(rows), width}, "data": rows,
	}}})
	if err != nil {
		panic(err)
	}
	return body
}

// features are magika's: the first and the last 1024 bytes, padded towards the middle.
func features(document string) []int32 {
	tokens := slices.Repeat([]int32{padding}, width)
	half := width / 2
	beginning := strings.TrimLeft(document, " \t\r\n")
	for i := range min(half, len(beginning)) {
		tokens[i] = int32(beginning[i])
	}
	end := strings.TrimRight(document, " \t\r\n")
	for i := range min(half, len(end)) {
		tokens[width-1-i] = int32(end[len(end)-1-i])
	}
	return tokens
}

const (
	pythonSource = "import sys\n\n\ndef main() -> None:\n    for line in sys.stdin:\n        print(line.strip())\n\n\nif __name__ == \"__main__\":\n    main()\n"
	jsonSource   = `{"name": "classifier", "tags": ["model", "server"], "size": {"bytes": 3163737, "layers": null}}`
)

func best(scores []float32) int { return slices.Index(scores, slices.Max(scores)) }

func TestTheModelKnowsPythonFromJSON(t *testing.T) {
	p := start(t)
	batch, err := p.infer(pythonSource, jsonSource)
	if err != nil {
		t.Fatal(err)
	}
	if got := best(batch[0]); got != labelPython {
		t.Errorf("python source is label %d, want %d", got, labelPython)
	}
	if got := best(batch[1]); got != labelJSON {
		t.Errorf("JSON is label %d, want %d", got, labelJSON)
	}
	for i, document := range []string{pythonSource, jsonSource} {
		alone, err := p.infer(document)
		if err != nil {
			t.Fatal(err)
		}
		// ONNX Runtime multiplies other blocks for a batch, so the last digits differ.
		for j, score := range alone[0] {
			if difference := score - batch[i][j]; difference > 1e-3 || difference < -1e-3 {
				t.Fatalf("score %d of document %d is %v alone, %v in a batch", j, i, score, batch[i][j])
			}
		}
	}
}

func TestConcurrentRequestsGetTheirOwnAnswers(t *testing.T) {
	p := start(t, "--parallel", "2")
	var clients sync.WaitGroup
	for client := range 8 {
		clients.Go(func() {
			document, want := pythonSource, labelPython
			if client%2 == 1 {
				document, want = jsonSource, labelJSON
			}
			for range 10 {
				scores, err := p.infer(document)
				if err != nil || best(scores[0]) != want {
					t.Errorf("client %d: %v, want label %d", client, err, want)
					return
				}
			}
		})
	}
	clients.Wait()
}

func TestItDeclaresWhatItServes(t *testing.T) {
	p := start(t)
	for path, want := range map[string]string{
		"/v2/health/live":         `{"live":true}`,
		"/v2/health/ready":        `{"ready":true}`,
		"/v2/models/magika/ready": `{"name":"magika","ready":true}`,
		"/v2":                     `{"name":"classifier","version":"dev","extensions":[]}`,
		"/v2/models/magika": `{"name":"magika","versions":["standard_v3_3"],"platform":"onnxruntime_onnx",` +
			`"inputs":[{"name":"bytes","datatype":"INT32","shape":[-1,2048]}],` +
			`"outputs":[{"name":"target_label","datatype":"FP32","shape":[-1,214]}]}`,
	} {
		if status, body := p.get(path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s, want %s", path, status, body, want)
		}
	}
	if _, err := p.infer(pythonSource); err != nil {
		t.Fatal(err)
	}
	_, page := p.get("/metrics")
	if want := `classifier_requests_total{code="200",route="POST /v2/models/{model}/infer"} 1`; !strings.Contains(page, want) {
		t.Errorf("no %q in\n%s", want, page)
	}
}

func TestOnSIGTERMItDrainsAndExitsCleanly(t *testing.T) {
	p := start(t, "--drain-delay", "300ms")
	// A request whose body is still on its way is in flight.
	body, sender := io.Pipe()
	type result struct {
		status int
		err    error
	}
	inFlight := make(chan result, 1)
	go func() {
		reply, err := http.Post(p.url+"/v2/models/magika/infer", "application/json", body)
		if err != nil {
			inFlight <- result{err: err}
			return
		}
		reply.Body.Close()
		inFlight <- result{status: reply.StatusCode}
	}()
	text := inferBody(pythonSource)
	if _, err := sender.Write(text[:100]); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(p.metrics(), "classifier_requests_in_flight 2\n") {
		time.Sleep(5 * time.Millisecond)
	}

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for !slices.Contains(p.messages(), "draining") {
		time.Sleep(5 * time.Millisecond)
	}
	if status, body := p.get("/v2/health/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("while draining, ready is %d %s", status, body)
	}
	// Now the listener closes; the request in flight goes on.
	for {
		reply, err := http.Get(p.url + "/v2/health/live")
		if errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
		if err == nil {
			reply.Body.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := sender.Write(text[100:]); err != nil {
		t.Fatal(err)
	}
	sender.Close()
	if got := <-inFlight; got.err != nil || got.status != http.StatusOK {
		t.Errorf("the request in flight: %+v", got)
	}
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if messages := p.messages(); messages[len(messages)-1] != "bye" {
		t.Errorf("log: %v", messages)
	}
}

func (p *process) metrics() string {
	_, page := p.get("/metrics")
	return page
}

func TestItGivesUpOnRequestsThatOutlastTheShutdownTimeout(t *testing.T) {
	p := start(t, "--shutdown-timeout", "50ms")
	body, sender := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := http.Post(p.url+"/v2/models/magika/infer", "application/json", body)
		failed <- err
	}()
	if _, err := sender.Write([]byte(`{"inputs"`)); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(p.metrics(), "classifier_requests_in_flight 2\n") {
		time.Sleep(5 * time.Millisecond)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("exit: %v, want status 1", err)
	}
	sender.Close() // the client notices only when it has no more to send
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}

func TestAStartThatCannotSucceedEndsWithItsReason(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"no model file":   {[]string{"--model-path", "/no/model.onnx"}, 1, "/no/model.onnx: no such file"},
		"no library":      {[]string{"--onnxruntime", "/no/lib.so"}, 1, "/no/lib.so: no such file"},
		"no such library": {[]string{"--onnxruntime", garbage}, 1, garbage},
		"garbage model":   {[]string{"--model-path", garbage}, 1, garbage},
		"address in use":  {[]string{"--http", "256.0.0.1:1"}, 1, "256.0.0.1"},
		"bad flag":        {[]string{"--threads", "0"}, 2, "--threads is 0"},
		"help":            {[]string{"--help"}, 0, "-model-path"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(program, append([]string{"--http", "127.0.0.1:0"}, tc.args...)...)
			output, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tc.exit || !strings.Contains(string(output), tc.want) {
				t.Errorf("exit %d with %s; want exit %d with %q", code, output, tc.exit, tc.want)
			}
		})
	}
}
