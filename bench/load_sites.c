/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which site a connection of the load program is to, what it asks, and how it gets there through a
 * proxy that wants to be asked (CONNECT).
 */
#include "bench/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool load_closes(const struct load *load)
{
	return load->opt.mode != LOAD_REQUESTS && load->opt.mode != LOAD_HOLD;
}

bool load_sites_over(const struct load *load)
{
	return load->opt.sites > 0 && load->opt.mode != LOAD_KNOWN &&
	       load->next_site >= load->last_sites;
}

/* ":451"; nothing for a port that goes without saying. */
static void write_port(const struct load_options *opt, char *out, size_t size)
{
	const char *colon = opt->tunnel ? strrchr(opt->tunnel, ':') : NULL;
	int port = colon ? atoi(colon + 1) : ntohs(opt->server.sin_port);

	out[0] = '\0';
	if (port != 443 && port != 80)
		snprintf(out, size, ":%d", port);
}

void load_site_choose(struct conn *conn)
{
	struct load *load = conn->load;
	const struct load_options *opt = &load->opt;
	char port[16];

	if (opt->sites)
		snprintf(conn->name, sizeof(conn->name), "s%u.crowd.test",
		         load->next_site % opt->sites);
	else
		snprintf(conn->name, sizeof(conn->name), "%s", opt->sni);
	load->next_site += load->stride;
	write_port(opt, port, sizeof(port));
	conn->request_len = (unsigned)snprintf(conn->request, sizeof(conn->request),
	                                       "GET %s HTTP/1.1\r\nHost: %s%s\r\nUser-Agent: "
	                                       "sluice-bench/1\r\nAccept: */*\r\n%s\r\n",
	                                       opt->path, conn->name, port,
	                                       load_closes(load) ? "Connection: close\r\n" : "");
}

int load_tunnel_ask(struct conn *conn)
{
	const char *to = conn->load->opt.tunnel;
	char text[256];
	int len = snprintf(text, sizeof(text), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to);

	conn->header_len = 0;
	return send(conn->fd, text, (size_t)len, MSG_NOSIGNAL) == len ? 0 : -1;
}

int load_tunnel_answer(struct conn *conn, const char **ret_wrong)
{
	ssize_t len = recv(conn->fd, conn->header + conn->header_len,
	                   LOAD_HEADER_MAX - 1 - conn->header_len, 0);

	if (len < 0 && errno == EAGAIN)
		return 0;
	*ret_wrong = "no answer to CONNECT";
	if (len <= 0)
		return -1;
	conn->header_len += (unsigned)len;
	conn->header[conn->header_len] = '\0';
	if (!strstr(conn->header, "\r\n\r\n"))
		return 0;
	*ret_wrong = "CONNECT refused";
	if (strncmp(conn->header, "HTTP/1.", 7) != 0 || strncmp(conn->header + 8, " 200", 4) != 0)
		return -1;
	return 1;
}
