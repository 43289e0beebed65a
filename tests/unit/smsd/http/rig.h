/* SPDX-License-Identifier: Apache-2.0 */
/* What servers of smsd/http are tested in: a loop in a thread, and the other end of connections,
 * which believes any certificate. */
#pragma once

#include <openssl/ssl.h>
#include <pthread.h>

struct event_base;
struct http_server;

enum { ANSWER_MAX = 64 * 1024, PATIENCE_S = 20 };

struct rig {
	struct event_base *base;
	SSL_CTX *ctx,
	        *client; /* of servers, with a certificate that was made for this; of the others */
	pthread_t thread;
	int stop[2];
};

/* Servers are made on `base` between these two. */
void rig_init(struct rig *rig);
void rig_run(struct rig *rig);

/* The thread is over; servers are destroyed between these two. */
void rig_stop(struct rig *rig);
void rig_fini(struct rig *rig);

/* A connection; who waits for its other end gives up after PATIENCE_S. `room` bytes of what comes
 * are the kernel's at most; 0: as ever. */
int rig_dial(const struct http_server *server, int room);

/* NULL when the server does not want to. */
SSL *rig_dial_tls(const struct rig *rig, const struct http_server *server, int room);
void rig_say(SSL *ssl, const char *text);

/* All that comes until the server closes, or until `end` has come. */
void rig_read_answer(SSL *ssl, const char *end, char answer[ANSWER_MAX]);
void rig_hang_up(SSL *ssl);
