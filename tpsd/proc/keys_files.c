/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files that parent has opened: read here, one after the other, each with its password file
 * behind it when it has one. What was read is not in use before its revision was checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/pki/key.h"
#include "tpsd/proc/keys_priv.h"

void loading_fini(struct loading *l)
{
	if (l->waiting.there)
		(void)close(l->waiting.fd);
	for (size_t i = 0; i < l->count; i++)
		EVP_PKEY_free(l->items[i].key);
	free(l->items);
	*l = (struct loading){.revision = 0};
}

static struct loaded *add_item(struct loading *l)
{
	size_t size = l->size ? l->size * 2 : 64;
	struct loaded *items;

	if (l->count == CONFIG_CERTIFICATES_MAX * 2)
		return NULL;
	if (l->count == l->size) {
		items = realloc(l->items, size * sizeof(*items));
		if (!items)
			return NULL;
		l->items = items;
		l->size = size;
	}
	return &l->items[l->count++];
}

/* Reads the waiting key file, with its password when there is one. */
static void load_waiting(struct keys *k, int password_fd, const char *password_path)
{
	struct waiting *w = &k->loading.waiting;
	const struct pki_files files = {.certificate = w->path,
	                                .private_key = w->path,
	                                .password_file = password_path,
	                                .chain = "",
	                                .format = PKI_FORMAT_AUTO};
	struct loaded *item;

	if (!w->there)
		return;
	item = add_item(&k->loading);
	if (item) {
		memset(item, 0, sizeof(*item));
		(void)snprintf(item->certificate, sizeof(item->certificate), "%s", w->certificate);
		item->status =
		        pki_key_load_fd(&files, w->fd, password_fd, NULL, &item->key, &item->error);
		if (item->status == 0)
			item->status = keystore_key_id(item->key, item->id);
	} else {
		log_error("the key %s is not loaded: out of memory", w->path);
	}
	(void)close(w->fd);
	w->there = false;
}

static void copy_text(char *to, size_t size, const struct ipc_text *from)
{
	(void)snprintf(to, size, "%.*s", IPC_TEXT(*from));
}

void keys_on_file(struct keys *k, const struct ipc_key_file *msg, int *fd)
{
	struct loading *l = &k->loading;
	char path[KEY_PATH_MAX];

	if (l->revision != msg->revision) {
		loading_fini(l);
		l->revision = msg->revision;
	}
	copy_text(path, sizeof(path), &msg->path);
	if (msg->password) {
		load_waiting(k, *fd, path);
		return;
	}
	load_waiting(k, -1, "");
	if (msg->last) {
		l->complete = true;
		keys_finish_prepare(k);
		return;
	}
	l->waiting.there = true;
	l->waiting.fd = *fd;
	*fd = -1;
	copy_text(l->waiting.certificate, sizeof(l->waiting.certificate), &msg->certificate);
	memcpy(l->waiting.path, path, sizeof(path));
}

const struct loaded *loading_find(const struct loading *l, const char *certificate)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].certificate, certificate) == 0)
			return &l->items[i];
	return NULL;
}
