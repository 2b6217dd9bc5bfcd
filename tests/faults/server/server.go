package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const bodyLimitBytes = 16 << 20

// server is the model server; its faults are in its options.
type server struct {
	options  options
	readyAt  time.Time
	requests atomic.Int64 // inference requests that deserved an answer
	crowd    crowd
	hoard    hoard
	sink     atomic.Uint64 // keeps the compiler from dropping compute
}

func newServer(o options) *server {
	return &server{options: o, readyAt: time.Now().Add(o.readyDelay)}
}

func (s *server) handler() http.Handler {
	metadata := modelMetadata
	if s.options.faults["other-contract"] {
		metadata = otherMetadata
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", get(fixed(`{"status":"ok"}`)))
	mux.HandleFunc("/readyz", get(s.readiness))
	mux.HandleFunc("/predict", post(s.inference(parsePredict, renderPredict)))
	mux.HandleFunc("/v2", get(fixed(serverMetadata)))
	mux.HandleFunc("/v2/health/live", get(fixed(`{"live":true}`)))
	mux.HandleFunc("/v2/health/ready", get(s.readiness))
	mux.HandleFunc("/v2/models/toy", get(fixed(metadata)))
	mux.HandleFunc("/v2/models/toy/ready", get(s.readiness))
	mux.HandleFunc("/v2/models/toy/infer", post(s.inference(parseOIP, renderOIP)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, fmt.Errorf("no such model or path: %s", r.URL.Path))
	})
	return mux
}

func (s *server) ready() bool {
	return !s.options.faults["never-ready"] && !time.Now().Before(s.readyAt)
}

func (s *server) readiness(w http.ResponseWriter, _ *http.Request) {
	if !s.ready() {
		writeError(w, http.StatusServiceUnavailable, fmt.Errorf("the model is loading"))
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"ready":true}`))
}

// inference answers one kind of inference request, well or as the faults have it.
func (s *server) inference(
	parse func([]byte) (query, error), render func(query, answer) []byte,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visit := s.crowd.enter()
		defer visit.leave()
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimitBytes))
		if err != nil {
			writeError(w, http.StatusRequestEntityTooLarge, err)
			return
		}
		q, err := parse(body)
		if err != nil {
			writeError(w, http.StatusBadRequest, err)
			return
		}
		if !s.ready() {
			writeError(w, http.StatusServiceUnavailable, fmt.Errorf("the model is loading"))
			return
		}
		touched := s.options.trigger.touches(s.requests.Add(1))
		s.compute(touched)
		a := infer(q.x)
		if touched {
			s.misbehave()
			a = a.spoil(s.options, visit.shared())
		}
		rendered := render(q, a)
		if touched && breakWire(s.options, w, r, rendered) {
			return
		}
		writeJSON(w, http.StatusOK, rendered)
	}
}

func (s *server) compute(touched bool) {
	work := s.options.work
	if touched && s.options.faults["slow"] {
		work = time.Duration(float64(work) * s.options.slow)
	}
	if work > 0 {
		s.sink.Store(compute(work))
	}
}

// misbehave applies the faults that harm others than the request at hand.
func (s *server) misbehave() {
	if s.options.faults["leak"] {
		s.hoard.keep(s.options.bytes)
	}
	if s.options.faults["hog"] {
		s.hoard.keepOnce(s.options.bytes)
	}
	if s.options.faults["chatty"] {
		chatter(20)
	}
}

func get(handle http.HandlerFunc) http.HandlerFunc  { return method(http.MethodGet, handle) }
func post(handle http.HandlerFunc) http.HandlerFunc { return method(http.MethodPost, handle) }

func method(name string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != name {
			w.Header().Set("Allow", name)
			writeError(w, http.StatusMethodNotAllowed, fmt.Errorf("%s only", name))
			return
		}
		handle(w, r)
	}
}

func fixed(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, []byte(body)) }
}

func writeError(w http.ResponseWriter, status int, err error) {
	body, marshalErr := json.Marshal(map[string]string{"error": err.Error()})
	if marshalErr != nil { // cannot be: every string can be quoted
		panic(marshalErr)
	}
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away is its own affair
}
