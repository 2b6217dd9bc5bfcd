package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestsAreCountedByRouteAndCode(t *testing.T) {
	m := New()
	mux := http.NewServeMux()
	mux.Handle("/metrics", m.Handler())
	mux.HandleFunc("GET /models/{model}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("model") == "none" {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	handler := m.Instrument(mux)
	get := func(path string) string {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		return recorder.Body.String()
	}
	get("/models/a")
	get("/models/b")
	get("/models/none")

	page := get("/metrics")
	for _, line := range []string{
		`classifier_requests_total{code="200",route="GET /models/{model}"} 2`,
		`classifier_requests_total{code="404",route="GET /models/{model}"} 1`,
		`classifier_request_duration_seconds_count{route="GET /models/{model}"} 3`,
		"classifier_requests_in_flight 1",
		"go_goroutines ",
		"go_gc_duration_seconds_count ",
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("no line %q in\n%s", line, page)
		}
	}
}
