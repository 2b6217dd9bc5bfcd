// Command classifier serves an ONNX classifier over the Open Inference Protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"example.com/classifier/internal/config"
	"example.com/classifier/internal/metrics"
	"example.com/classifier/internal/model"
	"example.com/classifier/internal/oip"
)

// version is set by the build: -ldflags "-X main.version=1.4.0".
var version = "dev"

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
)

func main() {
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "classifier:", err)
		os.Exit(1)
	}
	cfg, err := config.Parse(os.Args[1:], os.LookupEnv, filepath.Dir(program), os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "classifier:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	log := newLogger(os.Stderr, cfg.LogLevel)
	if err := serve(ctx, cfg, log); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// serve answers requests until ctx ends, then lets those in flight finish.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return err
	}
	protocol := oip.NewServer(version, oip.Limits{BodyBytes: cfg.MaxBodyBytes, Rows: int64(cfg.MaxBatch)}, log)
	server := newHTTPServer(protocol, log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("listening", "address", listener.Addr().String(), "version", version)

	start := time.Now()
	loaded, err := model.Load(model.Options{
		LibraryPath: cfg.LibraryPath,
		ModelPath:   cfg.ModelPath,
		Threads:     cfg.Threads,
		Parallel:    cfg.Parallel,
	})
	if err != nil {
		return errors.Join(err, server.Close())
	}
	protocol.Serve(oip.Served{
		Model:   loaded,
		Name:    cfg.ModelName,
		Version: cfg.ModelVersion,
		Input:   oip.TensorSpec{Name: loaded.Input.Name, Datatype: oip.Int32, Shape: []int64{-1, int64(loaded.Input.Width)}},
		Output:  oip.TensorSpec{Name: loaded.Output.Name, Datatype: oip.Float32, Shape: []int64{-1, int64(loaded.Output.Width)}},
	})
	log.Info("ready", "model", cfg.ModelName, "threads", cfg.Threads, "load_seconds", time.Since(start).Seconds())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("draining", "delay", cfg.DrainDelay.String())
	protocol.Drain()
	time.Sleep(cfg.DrainDelay)
	if err := shutDown(server, cfg.ShutdownTimeout); err != nil {
		// Requests are still in flight: the model must outlive them, so the process's end frees it.
		return err
	}
	log.Info("bye")
	return loaded.Close()
}

func newHTTPServer(protocol *oip.Server, log *slog.Logger) *http.Server {
	observed := metrics.New()
	mux := http.NewServeMux()
	protocol.Register(mux)
	mux.Handle("/metrics", observed.Handler())
	return &http.Server{
		Handler:           observed.Instrument(mux),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

func shutDown(server *http.Server, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", timeout, errors.Join(err, server.Close()))
	}
	return nil
}
