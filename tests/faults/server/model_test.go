package main

import (
	"reflect"
	"testing"
)

func TestScoresAreTheLinearMapOfEachRow(t *testing.T) {
	got := scores([]float32{0, 0, 0, 0, 1, 2, 3, 4})
	want := []float32{0.5, -0.25, 1, 3.75, 4.25, 15.25}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("scores = %v, want %v", got, want)
	}
}

func TestLabelNamesTheHighestScoreAndTheFirstOfEquals(t *testing.T) {
	got := bestLabels([]float32{1, 2, 3, 2, 2, 1, 0, 5, 5})
	if want := []string{"blue", "red", "green"}; !reflect.DeepEqual(got, want) {
		t.Errorf("labels = %v, want %v", got, want)
	}
}

func TestTriggerTouchesEachKthRequestAfterTheGoodOnesUntilItsLimit(t *testing.T) {
	cases := []struct {
		name    string
		trigger trigger
		want    []int64
	}{
		{"from the start", trigger{every: 1}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"after four", trigger{after: 4, every: 1}, []int64{5, 6, 7, 8}},
		{"each third", trigger{every: 3}, []int64{3, 6}},
		{"each third after two", trigger{after: 2, every: 3}, []int64{5, 8}},
		{"the first two only", trigger{every: 1, limit: 2}, []int64{1, 2}},
		{"one, each third after two", trigger{after: 2, every: 3, limit: 1}, []int64{5}},
	}
	for _, c := range cases {
		var got []int64
		for n := int64(1); n <= 8; n++ {
			if c.trigger.touches(n) {
				got = append(got, n)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: touches %v, want %v", c.name, got, c.want)
		}
	}
}
