package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

var magika *Model

func TestMain(m *testing.M) {
	var err error
	magika, err = Load(Options{
		LibraryPath: cmp.Or(os.Getenv("CLASSIFIER_ONNXRUNTIME"), "../../assets/libonnxruntime.so"),
		ModelPath:   cmp.Or(os.Getenv("CLASSIFIER_MODEL_PATH"), "../../assets/model.onnx"),
		Threads:     1,
		Parallel:    1,
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v: run `python3 fetch.py` first\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestTheModelDescribesItself(t *testing.T) {
	if want := (Tensor{Name: "bytes", Width: 2048}); magika.Input != want {
		t.Errorf("input %v, want %v", magika.Input, want)
	}
	if want := (Tensor{Name: "target_label", Width: 214}); magika.Output != want {
		t.Errorf("output %v, want %v", magika.Output, want)
	}
}

func TestScoresOfARowSumToOne(t *testing.T) {
	scores, err := magika.Infer(t.Context(), 2, make([]int32, 2*2048))
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != 2*214 {
		t.Fatalf("%d scores, want 2 rows of 214", len(scores))
	}
	for _, row := range [][]float32{scores[:214], scores[214:]} {
		var sum float32
		for _, score := range row {
			sum += score
		}
		if sum < 0.999 || sum > 1.001 {
			t.Errorf("the scores sum to %v", sum)
		}
	}
}

func TestTokensThatAreNotWholeRowsAreRefused(t *testing.T) {
	for _, tc := range []struct{ rows, tokens int }{{0, 0}, {1, 2047}, {1, 2049}, {2, 2048}} {
		_, err := magika.Infer(t.Context(), tc.rows, make([]int32, tc.tokens))
		if err == nil || !strings.Contains(err.Error(), "rows of 2048") {
			t.Errorf("%d tokens as %d rows: %v", tc.tokens, tc.rows, err)
		}
	}
}

func TestWhoLeavesTheQueueIsNotServed(t *testing.T) {
	magika.slots <- struct{}{} // the only slot is taken
	defer func() { <-magika.slots }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := magika.Infer(ctx, 1, make([]int32, 2048)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestParallelFollowsTheCPUsUnlessSet(t *testing.T) {
	cpus := runtime.GOMAXPROCS(0)
	for _, tc := range []struct {
		options Options
		want    int
	}{
		{Options{Threads: 1}, cpus},
		{Options{Threads: cpus}, 1},
		{Options{Threads: cpus + 1}, 1},
		{Options{Threads: 1, Parallel: 7}, 7},
	} {
		if got := parallel(tc.options); got != tc.want {
			t.Errorf("%+v: %d at the same time, want %d", tc.options, got, tc.want)
		}
	}
}

func TestAModelThatIsNoClassifierIsRefused(t *testing.T) {
	tensor := func(kind ort.TensorElementDataType, shape ...int64) ort.InputOutputInfo {
		return ort.InputOutputInfo{Name: "x", OrtValueType: ort.ONNXTypeTensor, DataType: kind, Dimensions: shape}
	}
	good := tensor(ort.TensorElementDataTypeInt32, -1, 3)
	if got, err := soleTensor([]ort.InputOutputInfo{good}, ort.TensorElementDataTypeInt32); err != nil || got != (Tensor{"x", 3}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, infos := range map[string][]ort.InputOutputInfo{
		"none":        {},
		"two":         {good, good},
		"datatype":    {tensor(ort.TensorElementDataTypeInt64, -1, 3)},
		"fixed rows":  {tensor(ort.TensorElementDataTypeInt32, 1, 3)},
		"free width":  {tensor(ort.TensorElementDataTypeInt32, -1, -1)},
		"rank":        {tensor(ort.TensorElementDataTypeInt32, -1, 3, 3)},
		"not a table": {{Name: "x", OrtValueType: ort.ONNXTypeMap}},
	} {
		if _, err := soleTensor(infos, ort.TensorElementDataTypeInt32); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
