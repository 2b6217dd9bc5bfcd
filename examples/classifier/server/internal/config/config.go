// Package config reads the server's settings: a flag wins over its environment variable, which wins
// over the default.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
)

// EnvPrefix starts the name of every environment variable: --model-path is CLASSIFIER_MODEL_PATH.
const EnvPrefix = "CLASSIFIER_"

// Config is what an operator can set.
type Config struct {
	Address         string // where HTTP listens, host:port
	ModelName       string // the name in /v2/models/NAME
	ModelVersion    string // the version in /v2/models/NAME/versions/VERSION
	ModelPath       string // the ONNX file
	LibraryPath     string // libonnxruntime.so
	Threads         int    // intra-op threads of one inference
	Parallel        int    // inferences at the same time; 0: as many as the CPUs allow
	MaxBatch        int    // rows of one request
	MaxBodyBytes    int64  // bytes of one request
	DrainDelay      time.Duration
	ShutdownTimeout time.Duration
	LogLevel        slog.Level
}

// Parse reads the arguments (without the program's name) and the environment. The model and the
// library are looked for in dir unless told otherwise. Usage and flag errors are written to output.
func Parse(args []string, lookupEnv func(string) (string, bool), dir string, output io.Writer) (Config, error) {
	c := Config{LogLevel: slog.LevelInfo}
	fs := flag.NewFlagSet("classifier", flag.ContinueOnError)
	fs.SetOutput(output)
	fs.StringVar(&c.Address, "http", "127.0.0.1:8000", "listen on `host:port`; port 0 picks a free one")
	fs.StringVar(&c.ModelName, "model-name", "magika", "serve the model under this `name`")
	fs.StringVar(&c.ModelVersion, "model-version", "standard_v3_3", "serve the model as this `version`")
	fs.StringVar(&c.ModelPath, "model-path", filepath.Join(dir, "model.onnx"), "read the model from this `file`")
	fs.StringVar(&c.LibraryPath, "onnxruntime", filepath.Join(dir, "libonnxruntime.so"), "load ONNX Runtime from this `file`")
	fs.IntVar(&c.Threads, "threads", 1, "`threads` of one inference")
	fs.IntVar(&c.Parallel, "parallel", 0, "`inferences` at the same time; 0: GOMAXPROCS divided by threads")
	fs.IntVar(&c.MaxBatch, "max-batch", 16, "`rows` that one request may hold")
	fs.Int64Var(&c.MaxBodyBytes, "max-body", 4<<20, "`bytes` that one request may hold")
	fs.DurationVar(&c.DrainDelay, "drain-delay", 0, "on SIGTERM, answer not-ready this `long` before closing the listener")
	fs.DurationVar(&c.ShutdownTimeout, "shutdown-timeout", 10*time.Second, "on SIGTERM, wait this `long` for requests in flight")
	fs.TextVar(&c.LogLevel, "log-level", c.LogLevel, "log from this `level` on: debug, info, warn, error")

	if err := fromEnvironment(fs, lookupEnv); err != nil {
		return Config{}, err
	}
	if err := fs.Parse(args); err != nil {
		return Config{}, err
	}
	if fs.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return c, c.validate()
}

func fromEnvironment(fs *flag.FlagSet, lookupEnv func(string) (string, bool)) error {
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		name := EnvPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, set := lookupEnv(name)
		if !set {
			return
		}
		if err := fs.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("invalid value %q for %s: %w", value, name, err))
		}
	})
	return errors.Join(errs...)
}

func (c Config) validate() error {
	switch {
	case c.ModelName == "" || c.ModelVersion == "":
		return errors.New("--model-name and --model-version must not be empty")
	case c.Threads < 1:
		return fmt.Errorf("--threads is %d, must be at least 1", c.Threads)
	case c.Parallel < 0:
		return fmt.Errorf("--parallel is %d, must not be negative", c.Parallel)
	case c.MaxBatch < 1:
		return fmt.Errorf("--max-batch is %d, must be at least 1", c.MaxBatch)
	case c.MaxBodyBytes < 1:
		return fmt.Errorf("--max-body is %d, must be at least 1", c.MaxBodyBytes)
	case c.DrainDelay < 0 || c.ShutdownTimeout < 0:
		return errors.New("--drain-delay and --shutdown-timeout must not be negative")
	}
	return nil
}
