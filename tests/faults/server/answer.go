package main

import (
	"encoding/json"
	"math"
	"strconv"
)

// output is one named tensor of an answer: numbers or strings.
type output struct {
	name     string
	datatype string
	shape    []int
	numbers  []float32
	strings  []string
}

type answer []output

// infer asks the model; label is one string per row.
func infer(x []float32) answer {
	y := scores(x)
	rows := len(x) / width
	return answer{
		{name: "y", datatype: "FP32", shape: []int{rows, classes}, numbers: y},
		{name: "label", datatype: "BYTES", shape: []int{rows}, strings: bestLabels(y)},
	}
}

// only keeps the outputs that a request names, in the request's order; all where it names none.
func (a answer) only(names []string) answer {
	if len(names) == 0 {
		return a
	}
	kept := answer{}
	for _, name := range names {
		for _, o := range a {
			if o.name == name {
				kept = append(kept, o)
			}
		}
	}
	return kept
}

// spoil applies the faults that make an answer wrong. crowded: other requests were in flight.
func (a answer) spoil(o options, crowded bool) answer {
	y := &a[0]
	if o.faults["drift"] || o.faults["drift-under-load"] && crowded {
		for i := range y.numbers {
			y.numbers[i] += float32(o.eps)
		}
	}
	if o.faults["nan"] && len(y.numbers) > 0 {
		y.numbers[0] = float32(math.NaN())
	}
	if o.faults["inf"] && len(y.numbers) > 0 {
		y.numbers[0] = float32(math.Inf(1))
	}
	if o.faults["wrong-dtype"] {
		y.datatype = "FP64"
	}
	if o.faults["wrong-shape"] {
		y.addColumn()
	}
	if o.faults["missing-output"] {
		a = a[:1]
	}
	if o.faults["extra-output"] {
		a = append(a, output{name: "extra", datatype: "FP32", shape: []int{1}, numbers: []float32{1}})
	}
	return a
}

func (o *output) addColumn() {
	wider := make([]float32, 0, len(o.numbers)/classes*(classes+1))
	for row := 0; row < len(o.numbers); row += classes {
		wider = append(wider, o.numbers[row:row+classes]...)
		wider = append(wider, 0)
	}
	o.numbers, o.shape = wider, []int{o.shape[0], classes + 1}
}

// appendData appends the elements as a flat JSON array. NaN and Infinity stand there as bare words,
// which JSON does not know and careless servers write.
func (o output) appendData(b []byte) []byte {
	b = append(b, '[')
	for i, v := range o.numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, float64(v))
	}
	for i, s := range o.strings {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendNumber(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, "NaN"...)
	case math.IsInf(v, 1):
		return append(b, "Infinity"...)
	case math.IsInf(v, -1):
		return append(b, "-Infinity"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 32)
}

func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // cannot be: every string can be quoted
		panic(err)
	}
	return append(b, quoted...)
}
