/* A fast OpenAI-compatible upstream for benchmarks: one thread, epoll, HTTP/1.1 keep-alive.
 *
 *   cc -O2 -o mock_upstream mock_upstream.c && ./mock_upstream 9100
 *
 * The first path segment chooses the behaviour, e.g. POST /paced/v1/chat/completions:
 *   ok      answers at once; with "stream":true 52 events in a burst, each its own write
 *   paced   one event every 4 ms          stall   ten events, then silence
 *   cut     ten events, then a reset      bad     one malformed event in the middle
 *   429 500 400   errors in OpenAI shape (429 with Retry-After: 1)
 *   html    502 with a page of HTML       json    200 with truncated JSON
 *   hang    reads and never answers
 * GET /count answers with the number of requests served, GET /active with the number of calls that aren't answered to
 * their end and whose client is still there. It prints "listening PORT" when ready.
 * Requests must fit 1 MiB; there is no pipelining.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 65536, MAX_REQUEST = 1 << 20, EVENTS = 52, PACE_NS = 4000000 };
enum mode { OK, PACED, STALL, CUT, BAD, E429, E500, E400, HTML, JSON, HANG, COUNT, ACTIVE, UNKNOWN };
static const char *MODE_NAMES[] = {"ok", "paced", "stall", "cut", "bad", "429", "500", "400", "html", "json", "hang", "count", "active"};

struct connection {
    int fd, next_event, paced;   /* next_event: -1 when no stream is under way */
    enum mode mode;
    size_t used, capacity;
    char *buffer;
    int64_t due_ns;
    struct connection *previous, *next;   /* the list of paced streams, in order of due_ns */
};

static struct connection *connections[MAX_CONNECTIONS];
static struct connection paced = {.previous = &paced, .next = &paced};
static int epoll_fd;
static unsigned long served;
static char event_chunks[EVENTS + 1][512], stream_head[512], completion[4096], bad_chunk[128];
static size_t event_sizes[EVENTS + 1], head_size, completion_size, bad_size;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static size_t chunk(char *out, const char *data) {
    return (size_t)sprintf(out, "%zx\r\n%s\r\n", strlen(data), data);
}

static size_t reply(char *out, size_t size, const char *status, const char *type, const char *extra, const char *body) {
    return (size_t)snprintf(out, size, "HTTP/1.1 %s\r\ncontent-type: %s\r\n%scontent-length: %zu\r\n\r\n%s", status, type,
                            extra, strlen(body), body);
}

static void prepare(void) {
    char data[2048], text[900];
    memset(text, 0, sizeof text);
    for (int i = 0; i < 100; i++) strcat(text, "lorem ip ");
    snprintf(data, sizeof data,
             "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1764000000,\"model\":\"mock\",\"choices\":[{"
             "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%.700s\"},\"finish_reason\":\"stop\"}],"
             "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":175,\"total_tokens\":375}}", text);
    completion_size = reply(completion, sizeof completion, "200 OK", "application/json", "", data);
    head_size = (size_t)sprintf(stream_head, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    for (int i = 0; i < EVENTS; i++) {
        const char *delta = i == 0 ? "{\"role\":\"assistant\",\"content\":\"\"}" : i == EVENTS - 3 ? "{}" : "{\"content\":\" token\"}";
        const char *finish = i == EVENTS - 3 ? "\"stop\"" : "null";
        if (i == EVENTS - 2)
            snprintf(data, sizeof data, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"mock\","
                     "\"choices\":[],\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":49,\"total_tokens\":249}}\n\n");
        else if (i == EVENTS - 1)
            snprintf(data, sizeof data, "data: [DONE]\n\n");
        else
            snprintf(data, sizeof data, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"mock\","
                     "\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", delta, finish);
        event_sizes[i] = chunk(event_chunks[i], data);
    }
    event_sizes[EVENTS] = (size_t)sprintf(event_chunks[EVENTS], "0\r\n\r\n");
    bad_size = chunk(bad_chunk, "data: {\"id\": oops\n\n");
}

static void unlink_paced(struct connection *c) {
    if (!c->paced) return;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    c->paced = 0;
}

static void append_paced(struct connection *c) {   /* every pace is the same, so the newest is due last */
    c->previous = paced.previous;
    c->next = &paced;
    paced.previous->next = c;
    paced.previous = c;
    c->paced = 1;
}

static void drop(struct connection *c, int reset) {
    if (reset) {
        struct linger l = {1, 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    }
    unlink_paced(c);
    close(c->fd);
    connections[c->fd] = NULL;
    free(c->buffer);
    free(c);
}

static int put(struct connection *c, const char *data, size_t size) {   /* replies are small: a full socket buffer means a dead client */
    while (size) {
        ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) { usleep(200); continue; }
            return -1;
        }
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static void step(struct connection *c) {   /* sends the next event of a stream, then plans the one after it */
    for (;;) {
        int i = c->next_event++;
        if (i == 10 && c->mode == STALL) return;
        if (i == 10 && c->mode == CUT) { drop(c, 1); return; }
        if (i == 10 && c->mode == BAD && put(c, bad_chunk, bad_size)) { drop(c, 0); return; }
        if (put(c, event_chunks[i], event_sizes[i])) { drop(c, 0); return; }
        if (i == EVENTS - 1 && put(c, event_chunks[EVENTS], event_sizes[EVENTS])) { drop(c, 0); return; }
        if (i == EVENTS - 1) { c->next_event = -1; return; }
        if (c->mode == PACED) {
            c->due_ns += PACE_NS;
            append_paced(c);
            return;
        }
    }
}

static enum mode mode_of(const char *request) {
    const char *path = strchr(request, ' ');
    if (!path || path[1] != '/') return UNKNOWN;
    path += 2;
    size_t size = strcspn(path, "/ ?");
    for (int m = 0; m < UNKNOWN; m++)
        if (strlen(MODE_NAMES[m]) == size && !memcmp(path, MODE_NAMES[m], size)) return (enum mode)m;
    return UNKNOWN;
}

static unsigned long active_calls(void) {
    unsigned long active = 0;
    for (int fd = 0; fd < MAX_CONNECTIONS; fd++) {
        struct connection *c = connections[fd];
        if (c && (c->next_event >= 0 || c->mode == HANG)) active++;
    }
    return active;
}

static void answer(struct connection *c, const char *body, size_t body_size) {
    char out[4096], count[64];
    size_t size = 0;
    served++;
    c->mode = mode_of(c->buffer);
    switch (c->mode) {
    case E429:
        size = reply(out, sizeof out, "429 Too Many Requests", "application/json", "retry-after: 1\r\n",
                     "{\"error\":{\"message\":\"slow down\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}");
        break;
    case E500:
        size = reply(out, sizeof out, "500 Internal Server Error", "application/json", "",
                     "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
        break;
    case E400:
        size = reply(out, sizeof out, "400 Bad Request", "application/json", "",
                     "{\"error\":{\"message\":\"too hot\",\"type\":\"invalid_request_error\",\"param\":\"temperature\",\"code\":null}}");
        break;
    case HTML: size = reply(out, sizeof out, "502 Bad Gateway", "text/html", "", "<html><h1>502</h1></html>"); break;
    case JSON: size = reply(out, sizeof out, "200 OK", "application/json", "", "{\"id\":\"chatcmpl-1\",\"choices\":[{"); break;
    case HANG: return;
    case COUNT:
        sprintf(count, "%lu", served - 1);
        size = reply(out, sizeof out, "200 OK", "text/plain", "", count);
        break;
    case ACTIVE:
        sprintf(count, "%lu", active_calls());
        size = reply(out, sizeof out, "200 OK", "text/plain", "", count);
        break;
    case UNKNOWN: size = reply(out, sizeof out, "404 Not Found", "text/plain", "", "no such mode"); break;
    default:
        if (!memmem(body, body_size, "\"stream\":true", 13)) {
            if (put(c, completion, completion_size)) drop(c, 0);
            return;
        }
        if (put(c, stream_head, head_size)) { drop(c, 0); return; }
        c->next_event = 0;
        c->due_ns = now_ns();
        step(c);
        return;
    }
    if (put(c, out, size)) drop(c, 0);
}

static void readable(struct connection *c) {
    if (c->used + 1 >= c->capacity) {
        if (c->capacity >= MAX_REQUEST) { drop(c, 0); return; }
        c->capacity *= 2;
        c->buffer = realloc(c->buffer, c->capacity);
    }
    ssize_t n = recv(c->fd, c->buffer + c->used, c->capacity - c->used - 1, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) drop(c, 0);
        return;
    }
    c->used += (size_t)n;
    c->buffer[c->used] = 0;
    char *end = strstr(c->buffer, "\r\n\r\n");
    if (!end) return;
    size_t head = (size_t)(end - c->buffer) + 4, length = 0;
    char *field = strcasestr(c->buffer, "\ncontent-length:");
    if (field && field < end) length = strtoul(field + 16, NULL, 10);
    if (c->used < head + length) return;
    c->used = 0;
    answer(c, c->buffer + head, length);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_CONNECTIONS) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->next_event = -1;
        c->capacity = 4096;
        c->buffer = malloc(c->capacity);
        connections[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

int main(int argc, char **argv) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) { perror("listen"); return 1; }
    getsockname(listener, (struct sockaddr *)&address, &size);
    prepare();
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll_fd = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int wait_ms = -1;
        if (paced.next != &paced) {
            int64_t left = paced.next->due_ns - now_ns();
            wait_ms = left <= 0 ? 0 : (int)(left / 1000000) + 1;
        }
        int n = epoll_wait(epoll_fd, ready, 256, wait_ms);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (connections[fd]) readable(connections[fd]);
        }
        int64_t now = paced.next != &paced ? now_ns() : 0;
        while (paced.next != &paced && paced.next->due_ns <= now) {
            struct connection *c = paced.next;
            unlink_paced(c);
            step(c);
        }
    }
}
