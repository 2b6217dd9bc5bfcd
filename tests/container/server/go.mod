module example.com/modelgate/testserver

go 1.22
