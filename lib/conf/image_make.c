/* SPDX-License-Identifier: Apache-2.0 */
/* Making an image: its sections in memory, and out of them one sealed piece. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/conf/canon.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image_priv.h"
#include "lib/conf/node.h"

enum { MAKER_MAGIC = 0x494d4147 };

struct conf_image_maker {
	uint32_t magic;
	uint64_t revision;
	struct config *config;
	struct image_sections sections;
};

/* ---- sections ---------------------------------------------------------------------------- */

static const struct image_section *find_section(const struct conf_image_maker *m, const char *name)
{
	for (size_t i = 0; i < m->sections.count; i++)
		if (strcmp(m->sections.items[i].name, name) == 0)
			return &m->sections.items[i];
	return NULL;
}

static int sections_reserve(struct image_sections *s)
{
	size_t size = s->size ? s->size * 2 : 32;
	struct image_section *items;

	if (s->count < s->size)
		return 0;
	items = reallocarray(s->items, size, sizeof(*items));
	if (!items)
		return SL_ENOMEM;
	s->items = items;
	s->size = size;
	return 0;
}

int conf_image_add(struct conf_image_maker *m, const char *name, const void *data, size_t len)
{
	struct image_section section = {.len = len};
	int rc;

	MAGIC_CHECK(m, MAKER_MAGIC);
	if (find_section(m, name))
		return SL_EEXIST;
	if (m->sections.count >= CONF_IMAGE_SECTIONS_MAX || strlen(name) >= CONF_IMAGE_NAME_MAX ||
	    name[0] == '\0' || len > CONF_IMAGE_MAX - m->sections.total)
		return SL_ELIMIT;
	rc = sections_reserve(&m->sections);
	if (rc != 0)
		return rc;
	section.name = strdup(name);
	section.data = malloc(len ? len : 1);
	if (!section.name || !section.data) {
		free(section.name);
		free(section.data);
		return SL_ENOMEM;
	}
	if (len > 0)
		memcpy(section.data, data, len);
	m->sections.items[m->sections.count++] = section;
	m->sections.total += len;
	return 0;
}

int conf_image_maker_section(const struct conf_image_maker *m, const char *name,
                             const void **ret_data, size_t *ret_len)
{
	const struct image_section *s;

	MAGIC_CHECK(m, MAKER_MAGIC);
	s = find_section(m, name);
	if (!s)
		return SL_ENOENT;
	*ret_data = s->data;
	*ret_len = s->len;
	return 0;
}

static void add_document(struct conf_image_maker *m, const struct conf_node *root,
                         struct conf_errors *errs)
{
	struct buf text;
	int rc;

	buf_init(&text, 4 * (size_t)CONF_DOCUMENT_MAX);
	rc = conf_canonical(root, 0, &text);
	if (rc == 0 && text.len > CONF_DOCUMENT_MAX)
		rc = SL_ELIMIT;
	if (rc == 0)
		rc = conf_image_add(m, CONF_SECTION_DOCUMENT, text.data, text.len);
	if (rc != 0)
		(void)conf_errors_add(errs, NULL, rc, "", "%s", err_text(rc));
	buf_fini(&text);
}

int conf_image_create(const struct conf_node *root, uint64_t revision, struct conf_errors *errs,
                      struct conf_image_maker **ret_maker)
{
	struct conf_image_maker *m = calloc(1, sizeof(*m));
	size_t refusals = errs->refusals;
	int rc;

	if (!m)
		return conf_errors_add(errs, NULL, SL_ENOMEM, "", "out of memory");
	MAGIC_SET(m, MAKER_MAGIC);
	m->revision = revision;
	rc = config_build(root, errs, &m->config);
	if (rc == 0) {
		m->config->revision = revision;
		add_document(m, root, errs);
		image_gather_files(m, root, errs);
		rc = errs->refusals > refusals ? conf_errors_code(errs) : 0;
		conf_errors_sort(errs);
	}
	if (rc != 0) {
		conf_image_maker_destroy(m);
		return rc;
	}
	*ret_maker = m;
	return 0;
}

struct config *conf_image_maker_config(struct conf_image_maker *m)
{
	MAGIC_CHECK(m, MAKER_MAGIC);
	return m->config;
}

void conf_image_maker_destroy(struct conf_image_maker *m)
{
	if (!m)
		return;
	MAGIC_CHECK(m, MAKER_MAGIC);
	for (size_t i = 0; i < m->sections.count; i++) {
		free(m->sections.items[i].name);
		free(m->sections.items[i].data);
	}
	free(m->sections.items);
	config_put(m->config);
	MAGIC_CLEAR(m);
	free(m);
}

/* ---- finishing --------------------------------------------------------------------------- */

int conf_image_finish(const struct conf_image_maker *m, struct buf *out)
{
	MAGIC_CHECK(m, MAKER_MAGIC);
	return image_write(&m->sections, m->revision, m->config->sha256, out);
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ESYS;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int conf_image_finish_fd(const struct conf_image_maker *m, int *ret_fd)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct buf image;
	int fd = -1;
	int rc;

	buf_init(&image, CONF_IMAGE_MAX);
	rc = conf_image_finish(m, &image);
	if (rc == 0) {
		fd = memfd_create("sluice-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		rc = fd < 0 ? SL_ESYS : write_all(fd, image.data, image.len);
	}
	if (rc == 0 && fcntl(fd, F_ADD_SEALS, seals) != 0)
		rc = SL_ESYS;
	buf_fini(&image);
	if (rc == 0)
		*ret_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return rc;
}
