package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	infer1   = `{"id":"7","inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}`
	answer1  = `{"model_name":"toy","model_version":"1","id":"7","outputs":[` + y1 + `,` + label1 + `]}`
	y1       = `{"name":"y","datatype":"FP32","shape":[1,3],"data":[3.75,4.25,15.25]}`
	label1   = `{"name":"label","datatype":"BYTES","shape":[1],"data":["blue"]}`
	predict1 = `{"x":[1,2,3,4]}`
)

// start serves with the given command line.
func start(t *testing.T, args string) string {
	t.Helper()
	o, err := parseOptions(strings.Fields(args), environment(nil), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(newServer(o).handler())
	t.Cleanup(ts.Close)
	return ts.URL
}

// ask returns the status and body, or the error of asking or of reading.
func ask(method, url, body string) (int, string, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, string(read), err
}

func TestAHealthyServerAnswersEachEndpoint(t *testing.T) {
	url := start(t, "")
	nested := strings.Replace(infer1, "[1,2,3,4]", "[[1,2,3,4]]", 1)
	onlyLabel := strings.Replace(infer1, `"inputs"`, `"outputs":[{"name":"label"}],"inputs"`, 1)
	cases := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v2/health/live", "", 200, `{"live":true}`},
		{"GET", "/v2/health/ready", "", 200, `{"ready":true}`},
		{"GET", "/v2/models/toy/ready", "", 200, `{"ready":true}`},
		{"GET", "/v2", "", 200, serverMetadata},
		{"GET", "/v2/models/toy", "", 200, modelMetadata},
		{"GET", "/healthz", "", 200, `{"status":"ok"}`},
		{"POST", "/v2/models/toy/infer", infer1, 200, answer1},
		{"POST", "/v2/models/toy/infer", nested, 200, answer1},
		{"POST", "/v2/models/toy/infer", onlyLabel, 200,
			`{"model_name":"toy","model_version":"1","id":"7","outputs":[` + label1 + `]}`},
		{"POST", "/predict", predict1, 200, `{"result":{"scores":[3.75,4.25,15.25],"label":"blue"}}`},
		{"GET", "/v2/models/other", "", 404, `{"error":"no such model or path: /v2/models/other"}`},
		{"GET", "/predict", "", 405, `{"error":"POST only"}`},
	}
	for _, c := range cases {
		status, body, err := ask(c.method, url+c.path, c.body)
		if err != nil || status != c.status || body != c.want {
			t.Errorf("%s %s: %d %s (%v), want %d %s", c.method, c.path, status, body, err, c.status, c.want)
		}
	}
}

func TestARequestThatCannotBeUnderstoodIsA400SayingWhy(t *testing.T) {
	url := start(t, "")
	cases := []struct{ path, body, want string }{
		{"/v2/models/toy/infer", "{", "not JSON"},
		{"/v2/models/toy/infer", strings.Replace(infer1, `"x"`, `"z"`, 1), "one input, x"},
		{"/v2/models/toy/infer", strings.Replace(infer1, "FP32", "INT64", 1), "got INT64"},
		{"/v2/models/toy/infer", strings.Replace(infer1, "[1,4]", "[4]", 1), "got [4]"},
		{"/v2/models/toy/infer", strings.Replace(infer1, "[1,4]", "[2,4]", 1), "needs 8 elements, got 4"},
		{"/v2/models/toy/infer", strings.Replace(infer1, "[1,2,3,4]", `"abc"`, 1), "neither numbers"},
		{"/predict", "[]", "not JSON"},
		{"/predict", `{"x":[1]}`, "expected 4 numbers, got 1"},
	}
	for _, c := range cases {
		status, body, err := ask("POST", url+c.path, c.body)
		if err != nil || status != 400 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s (%v), want 400 with %q", c.body, status, body, err, c.want)
		}
	}
}

func TestAWrongAnswerIsWrongInJustTheWayAskedFor(t *testing.T) {
	cases := []struct{ args, old, new string }{
		{"--fault wrong-shape", `[1,3],"data":[3.75,4.25,15.25]`, `[1,4],"data":[3.75,4.25,15.25,0]`},
		{"--fault wrong-dtype", `"y","datatype":"FP32"`, `"y","datatype":"FP64"`},
		{"--fault missing-output", "," + label1, ""},
		{"--fault extra-output", label1, label1 + `,{"name":"extra","datatype":"FP32","shape":[1],"data":[1]}`},
		{"--fault nan", "3.75", "NaN"},
		{"--fault inf", "3.75", "Infinity"},
		{"--fault drift --eps 0.5", "3.75,4.25,15.25", "4.25,4.75,15.75"},
		{"--fault drift-under-load --eps 0.5", "", ""},
	}
	for _, c := range cases {
		_, got, err := ask("POST", start(t, c.args)+"/v2/models/toy/infer", infer1)
		if want := strings.Replace(answer1, c.old, c.new, 1); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", c.args, got, err, want)
		}
	}
}

func TestDriftUnderLoadTouchesBothRequestsInFlightAndNoOther(t *testing.T) {
	url := start(t, "--fault drift-under-load --eps 0.5")
	calm, drifted := "3.75,4.25,15.25", "4.25,4.75,15.75"
	expect := func(who, want, body string, err error) {
		t.Helper()
		if err != nil || !strings.Contains(body, want) {
			t.Errorf("%s: %s (%v), want scores %s", who, body, err, want)
		}
	}
	_, body, err := ask("POST", url+"/predict", predict1)
	expect("alone", calm, body, err)
	early := beginPredict(t, url)
	_, body, err = ask("POST", url+"/predict", predict1)
	expect("during another", drifted, body, err)
	_, _ = io.WriteString(early, predict1)
	answered, err := io.ReadAll(early)
	expect("the other", drifted, string(answered), err)
	_, body, err = ask("POST", url+"/predict", predict1)
	expect("alone again", calm, body, err)
}

// beginPredict sends the headers of a request, and returns when the server waits for the body.
func beginPredict(t *testing.T, url string) net.Conn {
	t.Helper()
	address := strings.TrimPrefix(url, "http://")
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	fmt.Fprintf(connection, "POST /predict HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"+
		"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", address, len(predict1))
	goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(connection, goOn); err != nil {
		t.Fatal(err)
	}
	return connection
}

func TestAFaultFiresAfterTheGoodRequestsAndHealthChecksDoNotCount(t *testing.T) {
	url := start(t, "--fault error-500 --after 1 --every 2 --for 1")
	for i, want := range []int{200, 200, 500, 200, 200} {
		if status, _, err := ask("GET", url+"/v2/health/ready", ""); err != nil || status != 200 {
			t.Errorf("ready: %d (%v)", status, err)
		}
		if status, body, err := ask("POST", url+"/predict", predict1); err != nil || status != want {
			t.Errorf("request %d: %d %s (%v), want %d", i+1, status, body, err, want)
		}
	}
}

func TestABrokenWireIsSeenByTheClient(t *testing.T) {
	if _, _, err := ask("POST", start(t, "--fault reset")+"/predict", predict1); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v, want connection reset", err)
	}
	if _, _, err := ask("POST", start(t, "--fault truncated")+"/predict", predict1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("truncated: %v, want unexpected EOF", err)
	}
	status, body, err := ask("POST", start(t, "--fault garbage")+"/predict", predict1)
	if err != nil || status != 200 || !strings.Contains(body, "not JSON") {
		t.Errorf("garbage: %d %s (%v)", status, body, err)
	}
}

func TestAHungRequestLeavesHealthChecksAnswered(t *testing.T) {
	url := start(t, "--fault hang")
	client := http.Client{Timeout: 100 * time.Millisecond}
	if response, err := client.Post(url+"/predict", "application/json", strings.NewReader(predict1)); err == nil {
		response.Body.Close()
		t.Errorf("hang: answered %d", response.StatusCode)
	}
	if status, _, err := ask("GET", url+"/healthz", ""); err != nil || status != 200 {
		t.Errorf("health: %d (%v)", status, err)
	}
}

func TestAServerThatIsNotReadyIsLiveAndRefusesInference(t *testing.T) {
	for _, args := range []string{"--fault never-ready", "--ready-delay 1h"} {
		url := start(t, args)
		for path, want := range map[string]int{"/v2/health/live": 200, "/v2/health/ready": 503, "/readyz": 503} {
			if status, _, err := ask("GET", url+path, ""); err != nil || status != want {
				t.Errorf("%s %s: %d (%v), want %d", args, path, status, err, want)
			}
		}
		if status, _, err := ask("POST", url+"/predict", predict1); err != nil || status != 503 {
			t.Errorf("%s infer: %d (%v), want 503", args, status, err)
		}
	}
}

func TestTheOtherContractIsDeclaredAndNotKept(t *testing.T) {
	url := start(t, "--fault other-contract")
	_, declared, _ := ask("GET", url+"/v2/models/toy", "")
	_, answered, _ := ask("POST", url+"/v2/models/toy/infer", infer1)
	if declared != otherMetadata || answered != answer1 {
		t.Errorf("declared %s, answered %s", declared, answered)
	}
}

func TestALeakKeepsItsBytesPerRequestAndAHogOnce(t *testing.T) {
	const mebi = 1 << 20
	for args, want := range map[string]uint64{
		"--fault leak --bytes 1048576": 20 * mebi,
		"--fault hog --bytes 20971520": 20 * mebi,
	} {
		o, err := parseOptions(strings.Fields(args), environment(nil), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(o)
		before := heapBytes()
		for i := 0; i < 20; i++ {
			s.misbehave()
		}
		if grown := heapBytes() - before; grown < want-mebi || grown > want+mebi {
			t.Errorf("%s: heap grew by %d bytes, want %d", args, grown, want)
		}
		runtime.KeepAlive(s)
	}
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
