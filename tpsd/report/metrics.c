/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics' little HTTP responder (RFC 9112, as much as a GET needs). */
#include "tpsd/report/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/addr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/report/control.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/panic.h"

enum { PAGE_MAX = 1024 * 1024 };

struct metrics_client {
	struct loop_source source; /* first */
	struct loop_timer timer;
	struct metrics *metrics;
	bool used;
	bool answering;
	size_t len;
	char request[METRICS_REQUEST_MAX];
	struct buf out;
};

struct metrics {
	struct loop_source source; /* first */
	struct control *control;
	struct addr address;
	uint16_t port; /* 0: not listening */
	int fd;
	struct metrics_client clients[METRICS_CLIENTS_MAX];
};

static void end_client(struct metrics_client *c)
{
	int fd = c->source.fd;

	loop_remove(&c->source);
	loop_timer_cancel(&c->timer);
	(void)close(fd);
	buf_fini(&c->out);
	c->used = false;
}

static void on_timeout(struct loop_timer *timer)
{
	end_client((struct metrics_client *)(void *)((char *)timer -
	                                             offsetof(struct metrics_client, timer)));
}

static int write_state(struct control *control, struct buf *out)
{
	return buf_printf(out,
	                  "# HELP sluice_panic_step panic mode, 0 is off (R157)\n"
	                  "# TYPE sluice_panic_step gauge\nsluice_panic_step %d\n"
	                  "# HELP sluice_config_revision revision in force\n"
	                  "# TYPE sluice_config_revision gauge\nsluice_config_revision %u\n"
	                  "# HELP sluice_draining no new flow is taken\n"
	                  "# TYPE sluice_draining gauge\nsluice_draining %d\n"
	                  "# HELP sluice_build_info version\n"
	                  "# TYPE sluice_build_info gauge\nsluice_build_info{version=\"%s\"} 1\n",
	                  (int)panic_step(control->panic), control->revision,
	                  (int)control->draining, SLUICE_VERSION);
}

static int write_licences(struct control *control, struct buf *out)
{
	int rc = buf_printf(out, "# HELP sluice_licence_denied what the device may not do (R36)\n"
	                         "# TYPE sluice_licence_denied gauge\n");

	for (unsigned c = 0; c < LICENCE_CAPABILITY_END && rc == 0; c++)
		rc = buf_printf(out, "sluice_licence_denied{capability=\"%s\"} %d\n",
		                licence_capability_name(c),
		                (int)licensing_denies(control->licensing, c));
	return rc;
}

static int write_page(struct metrics_client *c, bool head)
{
	struct control *control = c->metrics->control;
	struct buf page;
	int rc;

	buf_init(&page, PAGE_MAX);
	rc = metrics_write_counters(control->proc->counter_file, &page);
	if (rc == 0)
		rc = write_state(control, &page);
	if (rc == 0)
		rc = write_licences(control, &page);
	if (rc == 0)
		rc = buf_printf(&c->out,
		                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; "
		                "charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		                page.len);
	if (rc == 0 && !head)
		rc = buf_add(&c->out, page.data, page.len);
	buf_fini(&page);
	return rc;
}

static int write_refusal(struct metrics_client *c, const char *status)
{
	return buf_printf(&c->out,
	                  "HTTP/1.1 %s\r\nContent-Length: 0\r\n%sConnection: close\r\n\r\n", status,
	                  status[0] == '4' && status[2] == '5' ? "Allow: GET, HEAD\r\n" : "");
}

static void flush(struct metrics_client *c)
{
	while (c->out.len > 0) {
		ssize_t n =
		        send(c->source.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			(void)loop_modify(&c->source, EPOLLOUT);
			return;
		}
		if (n <= 0)
			break;
		buf_consume(&c->out, (size_t)n);
	}
	(void)shutdown(c->source.fd, SHUT_WR);
	end_client(c);
}

/* The target of the request line, "" when the method is another; *ret_head: HEAD. */
static const char *target_of(char *request, bool *ret_head)
{
	char *line_end = strstr(request, "\r\n");
	char *target = strchr(request, ' ');
	char *end = target ? strchr(target + 1, ' ') : NULL;

	*ret_head = strncmp(request, "HEAD ", 5) == 0;
	if (!end || end > line_end || (strncmp(request, "GET ", 4) != 0 && !*ret_head))
		return "";
	*end = '\0';
	target[1 + strcspn(target + 1, "?")] = '\0';
	return target + 1;
}

static void answer(struct metrics_client *c)
{
	bool head;
	const char *target = target_of(c->request, &head);
	int rc;

	c->answering = true;
	if (strcmp(target, "/metrics") == 0)
		rc = write_page(c, head);
	else if (target[0] == '\0')
		rc = write_refusal(c, "405 Method Not Allowed");
	else
		rc = write_refusal(c, "404 Not Found");
	if (rc != 0)
		end_client(c);
	else
		flush(c);
}

static void on_client(struct loop_source *source, uint32_t events)
{
	struct metrics_client *c = (struct metrics_client *)source;
	ssize_t n;

	if (c->answering) {
		flush(c);
		return;
	}
	n = recv(source->fd, c->request + c->len, sizeof(c->request) - 1 - c->len, MSG_DONTWAIT);
	if (n <= 0 && !(n < 0 && (errno == EAGAIN || errno == EINTR))) {
		end_client(c);
		return;
	}
	c->len += n > 0 ? (size_t)n : 0;
	c->request[c->len] = '\0';
	if (strstr(c->request, "\r\n\r\n"))
		answer(c);
	else if (c->len == sizeof(c->request) - 1)
		end_client(c);
}

static bool take_client(struct metrics *m, int fd)
{
	struct loop *loop = m->control->proc->loop;

	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		struct metrics_client *c = &m->clients[i];

		if (c->used)
			continue;
		memset(c, 0, sizeof(*c));
		c->metrics = m;
		buf_init(&c->out, PAGE_MAX + 1024);
		if (loop_add(loop, &c->source, fd, EPOLLIN, on_client) != 0)
			return false;
		c->used = true;
		(void)loop_timer_set(loop, &c->timer, METRICS_TIMEOUT_S * CLOCK_NS_PER_S,
		                     on_timeout);
		return true;
	}
	return false;
}

static void on_connect(struct loop_source *source, uint32_t events)
{
	struct metrics *m = (struct metrics *)source;
	int fd = accept4(m->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && !take_client(m, fd))
		(void)close(fd);
}

int metrics_open(struct control *control, struct metrics **ret_metrics)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return SL_ENOMEM;
	m->control = control;
	m->fd = -1;
	*ret_metrics = m;
	return 0;
}

static void stop_listening(struct metrics *m)
{
	loop_remove(&m->source);
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
	m->port = 0;
}

void metrics_close(struct metrics *metrics)
{
	if (!metrics)
		return;
	stop_listening(metrics);
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		if (metrics->clients[i].used)
			end_client(&metrics->clients[i]);
	free(metrics);
}

static int bind_to(int fd, const struct addr *address, uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (address->family == ADDR_V4) {
		in.sin_addr.s_addr = addr_to_v4(address);
		return bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
	return bind(fd, (struct sockaddr *)&in6, sizeof(in6));
}

static int start_listening(struct metrics *m, const struct addr *address, uint16_t port)
{
	int family = address->family == ADDR_V4 ? AF_INET : AF_INET6;
	int one = 1;

	m->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->fd < 0)
		return SL_ESYS;
	(void)setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind_to(m->fd, address, port) != 0 || listen(m->fd, METRICS_CLIENTS_MAX) != 0)
		return SL_ESYS;
	return loop_add(m->control->proc->loop, &m->source, m->fd, EPOLLIN, on_connect);
}

void metrics_configure(struct metrics *metrics, const struct config *config)
{
	const struct addr *address = &config->device.metrics.address;
	uint16_t port = config->device.metrics.port;
	char text[ADDR_TEXT_MAX];

	if (port == metrics->port && addr_equal(address, &metrics->address))
		return;
	stop_listening(metrics);
	if (port == 0)
		return;
	if (start_listening(metrics, address, port) != 0) {
		log_error("metrics: %s port %u cannot be had: %s; set device.metrics to another",
		          addr_format(address, text), port, strerror(errno));
		stop_listening(metrics);
		return;
	}
	metrics->address = *address;
	metrics->port = port;
}
