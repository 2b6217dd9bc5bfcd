package oip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
)

// Model is what the protocol needs of a classifier.
type Model interface {
	// Infer scores rows of tokens, in row-major order.
	Infer(ctx context.Context, rows int, tokens []int32) ([]float32, error)
}

// Served is a model with what clients are told about it.
type Served struct {
	Model   Model
	Name    string
	Version string
	Input   TensorSpec // [-1, width], INT32
	Output  TensorSpec // [-1, width], FP32
}

// Limits bound what one request can make the server do.
type Limits struct {
	BodyBytes int64
	Rows      int64
}

// Server answers the protocol's requests. It is live at once, and ready while it has a model and is
// not draining.
type Server struct {
	version  string
	limits   Limits
	log      *slog.Logger
	served   atomic.Pointer[Served]
	draining atomic.Bool
}

// NewServer makes a server that has no model yet. The version is that of the program.
func NewServer(version string, limits Limits, log *slog.Logger) *Server {
	return &Server{version: version, limits: limits, log: log}
}

// Serve makes the server ready with a model.
func (s *Server) Serve(served Served) { s.served.Store(&served) }

// Drain makes the server not ready, so that no new clients are sent to it. It still answers.
func (s *Server) Drain() { s.draining.Store(true) }

// Register adds the protocol's routes. Paths and methods that nobody serves get the protocol's errors.
func (s *Server) Register(mux *http.ServeMux) {
	const model, version = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
	for path, handle := range map[string]handler{
		"/v2":              s.metadata,
		"/v2/health/live":  s.live,
		"/v2/health/ready": s.ready,
		model:              s.modelMetadata,
		model + "/ready":   s.modelReady,
		version:            s.modelMetadata,
		version + "/ready": s.modelReady,
	} {
		mux.Handle("GET "+path, s.answer(handle))
		mux.Handle(path, s.answer(onlyMethod("GET, HEAD")))
	}
	for _, path := range []string{model + "/infer", version + "/infer"} {
		mux.Handle("POST "+path, s.answer(s.infer))
		mux.Handle(path, s.answer(onlyMethod("POST")))
	}
	mux.Handle("/", s.answer(func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, failure(http.StatusNotFound, "no such path: %s", r.URL.Path)
	}))
}

// handler returns the body of the answer, or an error, a *Error where the client is at fault.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

func (s *Server) answer(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		body, err := handle(w, r)
		if err != nil {
			status, body = s.refuse(r, err)
		}
		if ready, ok := body.(readyResponse); ok && !ready.Ready {
			status = http.StatusServiceUnavailable
		}
		text, err := json.Marshal(body)
		if err != nil { // a score that JSON cannot say: NaN or infinite
			status, body = s.refuse(r, err)
			text, _ = json.Marshal(body)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if _, err := w.Write(text); err != nil {
			s.log.Debug("the client left before its answer", "path", r.URL.Path, "error", err)
		}
	})
}

func (s *Server) refuse(r *http.Request, err error) (int, errorResponse) {
	var refused *Error
	switch {
	case errors.As(err, &refused):
		s.log.Debug("refused", "path", r.URL.Path, "status", refused.Status, "error", refused.Message)
		return refused.Status, errorResponse{refused.Message}
	case r.Context().Err() != nil:
		s.log.Debug("the client left", "path", r.URL.Path)
		return statusClientLeft, errorResponse{"the client left"}
	default:
		s.log.Error("failed", "path", r.URL.Path, "error", err)
		return http.StatusInternalServerError, errorResponse{err.Error()}
	}
}

// statusClientLeft is seen by nobody but the metrics; the number is nginx's.
const statusClientLeft = 499

func onlyMethod(allowed string) handler {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		w.Header().Set("Allow", allowed)
		return nil, failure(http.StatusMethodNotAllowed, "%s is not allowed for %s; use %s", r.Method, r.URL.Path, allowed)
	}
}

func (s *Server) metadata(http.ResponseWriter, *http.Request) (any, error) {
	return serverMetadata{Name: "classifier", Version: s.version, Extensions: []string{}}, nil
}

func (s *Server) live(http.ResponseWriter, *http.Request) (any, error) {
	return liveResponse{Live: true}, nil
}

func (s *Server) ready(http.ResponseWriter, *http.Request) (any, error) {
	return readyResponse{Ready: s.isReady()}, nil
}

func (s *Server) isReady() bool { return s.served.Load() != nil && !s.draining.Load() }

func (s *Server) modelReady(_ http.ResponseWriter, r *http.Request) (any, error) {
	served, err := s.find(r)
	if err != nil {
		return nil, err
	}
	return readyResponse{Name: served.Name, Ready: s.isReady()}, nil
}

func (s *Server) modelMetadata(_ http.ResponseWriter, r *http.Request) (any, error) {
	served, err := s.find(r)
	if err != nil {
		return nil, err
	}
	return modelMetadata{
		Name:     served.Name,
		Versions: []string{served.Version},
		Platform: "onnxruntime_onnx",
		Inputs:   []TensorSpec{served.Input},
		Outputs:  []TensorSpec{served.Output},
	}, nil
}

func (s *Server) find(r *http.Request) (*Served, error) {
	served := s.served.Load()
	if served == nil {
		return nil, failure(http.StatusServiceUnavailable, "the model is still being loaded")
	}
	if name := r.PathValue("model"); name != served.Name {
		return nil, failure(http.StatusNotFound, "unknown model %q; this server has %q", name, served.Name)
	}
	if version := r.PathValue("version"); version != "" && version != served.Version {
		return nil, failure(http.StatusNotFound, "unknown version %q of model %q; this server has %q",
			version, served.Name, served.Version)
	}
	return served, nil
}

func (s *Server) infer(w http.ResponseWriter, r *http.Request) (any, error) {
	served, err := s.find(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.BodyBytes))
	if err != nil {
		return nil, unreadable(w, err)
	}
	var request inferRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, failure(http.StatusBadRequest, "the body is no inference request: %s",
			strings.TrimPrefix(err.Error(), "json: "))
	}
	rows, tokens, err := s.read(&request, served)
	if err != nil {
		return nil, err
	}
	scores, err := served.Model.Infer(r.Context(), int(rows), tokens)
	if err != nil {
		return nil, fmt.Errorf("inference: %w", err)
	}
	output := served.Output
	output.Shape = []int64{rows, output.Shape[1]}
	return inferResponse{
		ModelName:    served.Name,
		ModelVersion: served.Version,
		ID:           request.ID,
		Outputs:      []responseOutput{{TensorSpec: output, Data: scores}},
	}, nil
}

func unreadable(w http.ResponseWriter, err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		// What is left of the body is not worth reading.
		w.Header().Set("Connection", "close")
		return failure(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	}
	return failure(http.StatusBadRequest, "the body could not be read: %s", err)
}
