module modelgate.test/faults

go 1.19
