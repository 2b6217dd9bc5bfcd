package main

// The model "toy": y = x·W + b. Every weight is a small dyadic fraction, so that small inputs
// give the same float32 on every processor, whatever the order of the additions.

const (
	width   = 4 // of an input row
	classes = 3 // of an output row
)

var (
	weights = [width][classes]float32{
		{0.5, -1, 0.25},
		{1.5, 0.75, -0.5},
		{-0.25, 2, 1},
		{0.125, -0.5, 3},
	}
	bias   = [classes]float32{0.5, -0.25, 1}
	labels = [classes]string{"red", "green", "blue"}
)

// scores returns the model's output rows, one after the other, for input rows laid out likewise.
func scores(x []float32) []float32 {
	y := make([]float32, 0, len(x)/width*classes)
	for row := 0; row+width <= len(x); row += width {
		for class := 0; class < classes; class++ {
			sum := bias[class]
			for i := 0; i < width; i++ {
				sum += x[row+i] * weights[i][class]
			}
			y = append(y, sum)
		}
	}
	return y
}

// bestLabels names the class with the highest score of each row.
func bestLabels(y []float32) []string {
	best := make([]string, 0, len(y)/classes)
	for row := 0; row+classes <= len(y); row += classes {
		top := 0
		for class := 1; class < classes; class++ {
			if y[row+class] > y[row+top] {
				top = class
			}
		}
		best = append(best, labels[top])
	}
	return best
}
