// Command testserver is a server whose use of memory and processor the tests can order.
//
// It uses the standard library alone, so that it can be linked statically and put into an empty
// image. Everything is a GET; a wrong parameter is a 400, a failure a 500.
//
//	/health                  "ok", once -ready-after has passed; 503 before
//	/allocate?mib=N          keep N MiB more, touched, until /free
//	/free                    let go of what /allocate kept, and return it to the kernel
//	/work?garbage=N&leak=M   allocate N bytes of short-lived garbage, and M bytes for ever
//	/burn?ms=N               use N milliseconds of processor time
//	/file?path=P             read a file, and so the kernel's file cache; answers its length
//	/write?path=P&mib=N      write a file of N MiB
//	/status                  this process's /proc/self/status
//	/environment?name=N      the value of a variable
//	/exit?code=N             end at once
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var (
	mutex sync.Mutex
	kept  [][]byte
	leaks [][]byte
)

func main() {
	address := flag.String("addr", os.Getenv("ADDR"), "host:port to listen on (or $ADDR)")
	readyAfter := flag.Duration("ready-after", 0, "answer 503 to /health until then")
	exitCode := flag.Int("exit", -1, "say so and exit with this code, before listening")
	hog := flag.Bool("hog", false, "take memory until somebody stops it, before listening")
	logLines := flag.Int("log-lines", 0, "write so many lines first")
	stubborn := flag.Bool("ignore-term", false, "ignore SIGTERM")
	flag.Parse()

	log.SetFlags(0)
	for i := range *logLines {
		log.Printf("line %d", i+1)
	}
	if *exitCode >= 0 {
		log.Printf("exiting with code %d, as ordered", *exitCode)
		os.Exit(*exitCode)
	}
	for *hog {
		allocate(1 << 20)
	}
	if *stubborn {
		signal.Ignore(syscall.SIGTERM)
	}

	routes(time.Now().Add(*readyAfter))
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func routes(readyAt time.Time) {
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if time.Now().Before(readyAt) {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "ok")
	})
	http.HandleFunc("/allocate", numbered("mib", func(mib int) { allocate(mib << 20) }))
	http.HandleFunc("/burn", numbered("ms", burn))
	http.HandleFunc("/exit", numbered("code", os.Exit))
	http.HandleFunc("/free", free)
	http.HandleFunc("/work", work)
	http.HandleFunc("/file", readFile)
	http.HandleFunc("/write", writeFile)
	http.HandleFunc("/status", status)
	http.HandleFunc("/environment", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv(r.URL.Query().Get("name")))
	})
}

// numbered answers "ok" when act has been done with the number that the query names.
func numbered(name string, act func(int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		act(number)
		fmt.Fprint(w, "ok")
	}
}

// touched returns memory that the kernel has really given: untouched pages count for nothing.
func touched(bytes int) []byte {
	block := make([]byte, bytes)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	return block
}

func allocate(bytes int) {
	block := touched(bytes)
	mutex.Lock()
	defer mutex.Unlock()
	kept = append(kept, block)
}

func free(w http.ResponseWriter, _ *http.Request) {
	mutex.Lock()
	kept = nil
	mutex.Unlock()
	debug.FreeOSMemory()
	fmt.Fprint(w, "ok")
}

func work(w http.ResponseWriter, r *http.Request) {
	garbage, err := strconv.Atoi(r.URL.Query().Get("garbage"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	leak, err := strconv.Atoi(r.URL.Query().Get("leak"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sum := 0
	for rest := garbage; rest > 0; rest -= 64 << 10 {
		for _, b := range touched(min(rest, 64<<10)) {
			sum += int(b)
		}
	}
	if leak > 0 {
		block := touched(leak)
		mutex.Lock()
		leaks = append(leaks, block)
		mutex.Unlock()
	}
	fmt.Fprint(w, sum)
}

// burn counts the process's own processor time, so that a busy machine changes nothing.
func burn(ms int) {
	var usage syscall.Rusage
	used := func() time.Duration {
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			log.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	for end := used() + time.Duration(ms)*time.Millisecond; used() < end; {
	}
}

func readFile(w http.ResponseWriter, r *http.Request) {
	file, err := os.Open(r.URL.Query().Get("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	length, err := io.Copy(io.Discard, file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, length)
}

func writeFile(w http.ResponseWriter, r *http.Request) {
	mib, err := strconv.Atoi(r.URL.Query().Get("mib"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := os.WriteFile(r.URL.Query().Get("path"), touched(mib<<20), 0o600); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, "ok")
}

func status(w http.ResponseWriter, _ *http.Request) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(text)
}
