package oip

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// sums is a model whose two scores of a row are its sum and its first token.
type sums struct{ err error }

func (m sums) Infer(_ context.Context, rows int, tokens []int32) ([]float32, error) {
	var scores []float32
	for row := range rows {
		var sum int32
		for _, token := range tokens[row*3 : row*3+3] {
			sum += token
		}
		scores = append(scores, float32(sum), float32(tokens[row*3]))
	}
	return scores, m.err
}

// notANumber answers what JSON cannot say.
type notANumber struct{}

func (notANumber) Infer(context.Context, int, []int32) ([]float32, error) {
	return []float32{float32(math.NaN())}, nil
}

func newServer() *Server {
	return NewServer("1.2.3", Limits{BodyBytes: 1000, Rows: 2}, slog.New(slog.DiscardHandler))
}

func served(model Model) Served {
	return Served{
		Model: model, Name: "sums", Version: "v7",
		Input:  TensorSpec{Name: "tokens", Datatype: Int32, Shape: []int64{-1, 3}},
		Output: TensorSpec{Name: "scores", Datatype: Float32, Shape: []int64{-1, 2}},
	}
}

func readyServer(model Model) *Server {
	s := newServer()
	s.Serve(served(model))
	return s
}

func ask(s *Server, method, path, body string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	s.Register(mux)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder
}

func expect(t *testing.T, got *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if got.Code != status {
		t.Errorf("status %d, want %d; body %s", got.Code, status, got.Body)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}
	var gotJSON, wantJSON any
	if err := json.Unmarshal(got.Body.Bytes(), &gotJSON); err != nil {
		t.Fatalf("body %q: %v", got.Body, err)
	}
	if err := json.Unmarshal([]byte(body), &wantJSON); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotJSON, wantJSON) {
		t.Errorf("body %s, want %s", got.Body, body)
	}
}

func expectError(t *testing.T, got *httptest.ResponseRecorder, status int, message string) {
	t.Helper()
	var body map[string]string
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q: %v", got.Body, err)
	}
	if got.Code != status || len(body) != 1 || !strings.Contains(body["error"], message) {
		t.Errorf("%d %v, want %d and an error with %q", got.Code, body, status, message)
	}
}

func TestHealthFollowsTheModel(t *testing.T) {
	s := newServer()
	expect(t, ask(s, "GET", "/v2/health/live", ""), 200, `{"live": true}`)
	expect(t, ask(s, "GET", "/v2/health/ready", ""), 503, `{"ready": false}`)
	expectError(t, ask(s, "GET", "/v2/models/sums/ready", ""), 503, "being loaded")
	expectError(t, ask(s, "POST", "/v2/models/sums/infer", goodBody), 503, "being loaded")

	s.Serve(served(sums{}))
	expect(t, ask(s, "GET", "/v2/health/ready", ""), 200, `{"ready": true}`)
	expect(t, ask(s, "GET", "/v2/models/sums/ready", ""), 200, `{"name": "sums", "ready": true}`)

	s.Drain()
	expect(t, ask(s, "GET", "/v2/health/live", ""), 200, `{"live": true}`)
	expect(t, ask(s, "GET", "/v2/health/ready", ""), 503, `{"ready": false}`)
	expect(t, ask(s, "GET", "/v2/models/sums/ready", ""), 503, `{"name": "sums", "ready": false}`)
	if got := ask(s, "POST", "/v2/models/sums/infer", goodBody); got.Code != 200 {
		t.Errorf("a request that came before the load balancer knew: %d %s", got.Code, got.Body)
	}
}

func TestMetadata(t *testing.T) {
	s := readyServer(sums{})
	expect(t, ask(s, "GET", "/v2", ""), 200, `{"name": "classifier", "version": "1.2.3", "extensions": []}`)
	for _, path := range []string{"/v2/models/sums", "/v2/models/sums/versions/v7"} {
		expect(t, ask(s, "GET", path, ""), 200, `{
			"name": "sums", "versions": ["v7"], "platform": "onnxruntime_onnx",
			"inputs": [{"name": "tokens", "datatype": "INT32", "shape": [-1, 3]}],
			"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}]}`)
	}
}

const goodBody = `{"inputs": [{"name": "tokens", "datatype": "INT32", "shape": [1, 3], "data": [1, 2, 3]}]}`

func TestInfer(t *testing.T) {
	s := readyServer(sums{})
	for name, tc := range map[string]struct{ path, body, want string }{
		"flat": {
			"/v2/models/sums/infer", goodBody,
			`{"model_name": "sums", "model_version": "v7", "outputs":
			[{"name": "scores", "datatype": "FP32", "shape": [1, 2], "data": [6, 1]}]}`,
		},
		"nested, two rows, with id and output": {
			"/v2/models/sums/versions/v7/infer",
			`{"id": "a", "parameters": {"x": 1}, "outputs": [{"name": "scores"}], "inputs": [{"name": "tokens",
			"datatype": "INT32", "shape": [2, 3], "data": [[1, 2, 3], [4, 5, 6]]}]}`,
			`{"model_name": "sums", "model_version": "v7", "id": "a", "outputs":
			[{"name": "scores", "datatype": "FP32", "shape": [2, 2], "data": [6, 1, 15, 4]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, ask(s, "POST", tc.path, tc.body), 200, tc.want)
		})
	}
}

func TestBadRequestsAreRefusedWithWhatIsWrong(t *testing.T) {
	s := readyServer(sums{})
	for body, want := range map[string]string{
		``:                                "no inference request",
		`{"inputs": [`:                    "no inference request: unexpected end",
		goodBody + `x`:                    "no inference request: invalid character 'x'",
		`{"inputs": 1}`:                   "no inference request: cannot unmarshal number",
		`[]`:                              "no inference request",
		`{}`:                              `input "tokens" is missing`,
		`{"inputs": [{}]}`:                `unknown input ""`,
		`{"inputs": [{"name": "bytes"}]}`: `unknown input "bytes"; the model takes "tokens"`,
		`{"inputs": [{"name": "tokens"}, {"name": "tokens"}]}`:                                         "twice",
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "data": [1, 2, 3]}]}`:                         `datatype "", want "INT32"`,
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "datatype": "INT64", "data": [1, 2, 3]}]}`:    `datatype "INT64", want "INT32"`,
		`{"inputs": [{"name": "tokens", "shape": [3], "datatype": "INT32", "data": [1, 2, 3]}]}`:       "shape [3], want [-1 3]",
		`{"inputs": [{"name": "tokens", "shape": [1, 4], "datatype": "INT32", "data": [1, 2, 3, 4]}]}`: "shape [1 4], want [-1 3]",
		`{"inputs": [{"name": "tokens", "shape": [0, 3], "datatype": "INT32", "data": []}]}`:           "shape [0 3]",
		`{"inputs": [{"name": "tokens", "shape": [-1, 3], "datatype": "INT32", "data": [1, 2, 3]}]}`:   "shape [-1 3]",
		`{"inputs": [{"name": "tokens", "shape": [3, 3], "datatype": "INT32", "data": [1]}]}`:          "3 rows, at most 2",
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "datatype": "INT32"}]}`:                       "no data",
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "datatype": "INT32", "data": null}]}`:         "no array",
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "datatype": "INT32", "data": [1, 2]}]}`:       "array of 2",
		`{"inputs": [{"name": "tokens", "shape": [1, 3], "datatype": "INT32", "data": [1, 2, 3.5]}]}`:  "data[2] is 3.5",
		`{"outputs": [{"name": "labels"}], "inputs": []}`:                                              `unknown output "labels"; the model gives "scores"`,
	} {
		t.Run(body, func(t *testing.T) {
			expectError(t, ask(s, "POST", "/v2/models/sums/infer", body), 400, want)
		})
	}
}

func TestUnknownPathsModelsAndVersionsAre404(t *testing.T) {
	s := readyServer(sums{})
	for path, want := range map[string]string{
		"/":                                 "no such path: /",
		"/v1/models/sums":                   "no such path: /v1/models/sums",
		"/v2/models/sum":                    `unknown model "sum"; this server has "sums"`,
		"/v2/models/sum/ready":              `unknown model "sum"`,
		"/v2/models/sums/versions/v1":       `unknown version "v1" of model "sums"; this server has "v7"`,
		"/v2/models/sums/versions/v1/ready": `unknown version "v1"`,
	} {
		expectError(t, ask(s, "GET", path, ""), 404, want)
	}
	expectError(t, ask(s, "POST", "/v2/models/sum/infer", goodBody), 404, `unknown model "sum"`)
}

func TestWrongMethodsAre405AndNameTheRightOne(t *testing.T) {
	s := readyServer(sums{})
	for _, tc := range []struct{ method, path, allow string }{
		{"GET", "/v2/models/sums/infer", "POST"},
		{"PUT", "/v2/models/sums/versions/v7/infer", "POST"},
		{"POST", "/v2/models/sums", "GET, HEAD"},
		{"DELETE", "/v2", "GET, HEAD"},
		{"POST", "/v2/health/ready", "GET, HEAD"},
	} {
		got := ask(s, tc.method, tc.path, "")
		expectError(t, got, 405, tc.method+" is not allowed")
		if allow := got.Header().Get("Allow"); allow != tc.allow {
			t.Errorf("%s %s: Allow is %q, want %q", tc.method, tc.path, allow, tc.allow)
		}
	}
}

func TestABodyIsReadUpToTheLimitAndNoFurther(t *testing.T) {
	s := readyServer(sums{})
	fill := func(size int) string { return goodBody + strings.Repeat(" ", size-len(goodBody)) }
	if got := ask(s, "POST", "/v2/models/sums/infer", fill(1000)); got.Code != 200 {
		t.Errorf("at the limit: %d %s", got.Code, got.Body)
	}
	expectError(t, ask(s, "POST", "/v2/models/sums/infer", fill(1001)), 413, "larger than 1000 bytes")
}

func TestABodyThatBreaksOffIsABadRequest(t *testing.T) {
	mux := http.NewServeMux()
	readyServer(sums{}).Register(mux)
	recorder := httptest.NewRecorder()
	body := io.MultiReader(strings.NewReader(`{"inputs"`), brokenReader{})
	mux.ServeHTTP(recorder, httptest.NewRequest("POST", "/v2/models/sums/infer", body))
	expectError(t, recorder, 400, "could not be read: unexpected EOF")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheServersOwnFaultsAre500(t *testing.T) {
	failing := readyServer(sums{err: errors.New("out of memory")})
	expectError(t, ask(failing, "POST", "/v2/models/sums/infer", goodBody), 500, "inference: out of memory")
	expectError(t, ask(readyServer(notANumber{}), "POST", "/v2/models/sums/infer", goodBody), 500, "NaN")
}

func TestAClientThatLeftIsNotTheServersFault(t *testing.T) {
	mux := http.NewServeMux()
	readyServer(sums{err: context.Canceled}).Register(mux)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest("POST", "/v2/models/sums/infer", strings.NewReader(goodBody))
	mux.ServeHTTP(recorder, request.WithContext(ctx))
	expectError(t, recorder, statusClientLeft, "left")
}
