// Package model runs an ONNX classifier: rows of int32 tokens in, rows of float32 scores out.
package model

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"
)

// Options say what to load and how much of the machine it may use.
type Options struct {
	LibraryPath string // libonnxruntime.so
	ModelPath   string // the ONNX file
	Threads     int    // intra-op threads of one inference
	Parallel    int    // inferences at the same time; 0: GOMAXPROCS divided by Threads
}

// Tensor is the name of the model's input or output, and the values in one row of it.
type Tensor struct {
	Name  string
	Width int
}

// Model is a loaded classifier, safe for concurrent use.
type Model struct {
	Input  Tensor // int32
	Output Tensor // float32

	session *ort.DynamicAdvancedSession
	slots   chan struct{}
}

// Load reads the model, checks that it is a classifier, and warms it up for the first request. One
// process can have one model at a time.
func Load(opts Options) (_ *Model, err error) {
	// ONNX Runtime's own words for a missing file do not say which of the two is meant.
	for _, path := range []string{opts.LibraryPath, opts.ModelPath} {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
	}
	ort.SetSharedLibraryPath(opts.LibraryPath)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return nil, fmt.Errorf("onnxruntime: %w", err)
	}
	m := &Model{slots: make(chan struct{}, parallel(opts))}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	if err := m.describe(opts.ModelPath); err != nil {
		return nil, err
	}
	if err := m.open(opts); err != nil {
		return nil, err
	}
	if err := m.warmUp(); err != nil {
		return nil, err
	}
	return m, nil
}

// warmUp runs the network twice: ONNX Runtime plans its memory in the first run of a shape, and
// takes it in the second.
func (m *Model) warmUp() error {
	for range 2 {
		if _, err := m.Infer(context.Background(), 1, make([]int32, m.Input.Width)); err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	return nil
}

// parallel bounds the inferences at the same time. More than the CPUs can run would only take turns:
// each would hold its native memory for longer, and every latency would be as long as the longest.
func parallel(opts Options) int {
	if opts.Parallel > 0 {
		return opts.Parallel
	}
	return max(1, runtime.GOMAXPROCS(0)/opts.Threads)
}

// describe reads names and widths from the model file.
func (m *Model) describe(path string) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	// Only the declarations are wanted here: optimising the graph would double the start-up time.
	if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll); err != nil {
		return err
	}
	inputs, outputs, err := ort.GetInputOutputInfoWithOptions(path, options)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if m.Input, err = soleTensor(inputs, ort.TensorElementDataTypeInt32); err != nil {
		return fmt.Errorf("%s: input: %w", path, err)
	}
	if m.Output, err = soleTensor(outputs, ort.TensorElementDataTypeFloat); err != nil {
		return fmt.Errorf("%s: output: %w", path, err)
	}
	return nil
}

func soleTensor(infos []ort.InputOutputInfo, want ort.TensorElementDataType) (Tensor, error) {
	if len(infos) != 1 {
		return Tensor{}, fmt.Errorf("the model has %d, want 1", len(infos))
	}
	info := infos[0]
	shape := info.Dimensions
	if info.DataType != want || len(shape) != 2 || shape[0] > 0 || shape[1] < 1 {
		return Tensor{}, fmt.Errorf("%s, want %s with a free number of rows of a fixed width", &info, want)
	}
	return Tensor{Name: info.Name, Width: int(shape[1])}, nil
}

func (m *Model) open(opts Options) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(opts.Threads); err != nil {
		return err
	}
	// Under a CPU quota a worker that spins while it waits burns what the others need.
	if err := options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); err != nil {
		return err
	}
	m.session, err = ort.NewDynamicAdvancedSession(
		opts.ModelPath, []string{m.Input.Name}, []string{m.Output.Name}, options)
	if err != nil {
		return fmt.Errorf("%s: %w", opts.ModelPath, err)
	}
	return nil
}

// Infer scores rows of tokens: tokens holds rows × Input.Width values, the answer rows × Output.Width.
// It waits its turn, unless ctx ends first.
func (m *Model) Infer(ctx context.Context, rows int, tokens []int32) ([]float32, error) {
	if rows < 1 || len(tokens) != rows*m.Input.Width {
		return nil, fmt.Errorf("%d tokens are not %d rows of %d", len(tokens), rows, m.Input.Width)
	}
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	scores := make([]float32, rows*m.Output.Width)
	for range passes {
		if err := m.run(rows, tokens, scores); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

func (m *Model) run(rows int, tokens []int32, scores []float32) error {
	// The tensors keep pointers into the slices across calls into C.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pinner.Pin(&tokens[0])
	pinner.Pin(&scores[0])

	input, err := ort.NewTensor(ort.NewShape(int64(rows), int64(m.Input.Width)), tokens)
	if err != nil {
		return fmt.Errorf("input tensor: %w", err)
	}
	defer input.Destroy()
	output, err := ort.NewTensor(ort.NewShape(int64(rows), int64(m.Output.Width)), scores)
	if err != nil {
		return fmt.Errorf("output tensor: %w", err)
	}
	defer output.Destroy()
	return m.session.Run([]ort.Value{input}, []ort.Value{output})
}

// Close frees the model. No inference may be under way.
func (m *Model) Close() error {
	var err error
	if m.session != nil {
		err = m.session.Destroy()
		m.session = nil
	}
	return errors.Join(err, ort.DestroyEnvironment())
}
