/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Text for QEMU and libvirt. [IVS 1] Everything that could make QEMU abort is checked before
 * anything is written.
 */
#include "pvn_ivshmem_qemu.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "region.h"
#include "ivshmem.h"
#include "pvn_ivshmem_server.h"

typedef void write_text(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out);

/* ---- checks ---- */

/* What needs a quote nowhere: not in a shell, in JSON or in XML. */
static int
check_word(const char *what, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("/._-+:@%=,", *p) == NULL)
			return ivs_fail(
				EINVAL,
				"%s '%s': expected letters, digits and / . _ - + : @ %% = ,", what,
				text);
	return text[0] != '\0' ? 0 : ivs_fail(EINVAL, "%s: expected a name", what);
}

static int
check_cfg(const struct pvn_ivshmem_qemu_cfg *cfg)
{
	int ret = region_cfg_check(cfg->name, cfg->size, cfg->vectors);

	if (ret == 0 && (cfg->socket == NULL) == (cfg->file == NULL))
		ret = ivs_fail(EINVAL, "expected either a socket or a file");
	if (ret == 0 && cfg->socket != NULL && cfg->read_only)
		ret = ivs_fail(EINVAL, "only a plain device can be read-only");
	if (ret == 0)
		ret = check_word("path", cfg->socket != NULL ? cfg->socket : cfg->file);
	if (ret == 0 && cfg->bus != NULL)
		ret = check_word("bus", cfg->bus);
	if (ret == 0 && cfg->chassis > 255)
		ret = ivs_fail(EINVAL, "chassis %u: expected 1..255", cfg->chassis);
	return ret;
}

/* All or nothing. */
static int
generate(const struct pvn_ivshmem_qemu_cfg *cfg, write_text *write, char *to, size_t size)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int ret;

	if (cfg == NULL || to == NULL || size == 0)
		return ivs_fail(EINVAL, "a configuration and a place for the text are needed");
	ret = check_cfg(cfg);
	if (ret < 0)
		return ret;
	out = open_memstream(&text, &len);
	if (out == NULL)
		return ivs_fail(ENOMEM, "no memory");
	write(cfg, out);
	if (fclose(out) != 0)
		ret = ivs_fail(ENOMEM, "no memory");
	else if (len >= size)
		ret = ivs_fail(ENOSPC, "the text takes %zu bytes, there are %zu", len + 1, size);
	else
		memcpy(to, text, len + 1);
	free(text);
	return ret < 0 ? ret : (int)len;
}

/* ---- arguments ---- */

/* In an option a comma is written twice. */
static void
put_option(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == ',')
			fputc(',', out);
		fputc(*text, out);
	}
}

static uint32_t
vectors_of(const struct pvn_ivshmem_qemu_cfg *cfg)
{
	return cfg->vectors != 0 ? cfg->vectors : 1;
}

/* What comes before the device, and the device; `sep` between an argument and its value. */
static void
write_args_with(const struct pvn_ivshmem_qemu_cfg *cfg, const char *sep, const char *next,
		FILE *out)
{
	if (cfg->socket != NULL) {
		fprintf(out, "-chardev%ssocket,id=pvn-%s-chr,path=", sep, cfg->name);
		put_option(cfg->socket, out);
		fprintf(out, "%s-device%sivshmem-doorbell,id=pvn-%s,chardev=pvn-%s-chr,vectors=%u",
			next, sep, cfg->name, cfg->name, vectors_of(cfg));
	} else {
		fprintf(out,
			"-object%smemory-backend-file,id=pvn-%s-mem,size=%" PRIu64
			",share=on%s,mem-path=",
			sep, cfg->name, cfg->size, cfg->read_only ? ",readonly=on" : "");
		put_option(cfg->file, out);
		fprintf(out, "%s-device%sivshmem-plain,id=pvn-%s,memdev=pvn-%s-mem", next, sep,
			cfg->name, cfg->name);
	}
	if (cfg->bus != NULL) {
		fputs(",bus=", out);
		put_option(cfg->bus, out);
	}
}

static void
write_args(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	write_args_with(cfg, " ", " ", out);
}

int
pvn_ivshmem_qemu_args(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size)
{
	return generate(cfg, write_args, to, size);
}

/* QEMU wants another chassis for each port. */
static uint32_t
chassis_of(const struct pvn_ivshmem_qemu_cfg *cfg)
{
	uint32_t sum = 5381;

	if (cfg->chassis != 0)
		return cfg->chassis;
	for (const char *p = cfg->name; *p != '\0'; p++)
		sum = sum * 33 + (unsigned char)*p;
	return 16 + sum % 240;
}

/* The firmware aligns the port's window less than the region must be: in twice its size there is
 * always an aligned place. [IVS 1]
 */
static void
write_port(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	fprintf(out, "-device pcie-root-port,id=pvn-%s-port,chassis=%u,pref64-reserve=%" PRIu64,
		cfg->name, chassis_of(cfg), 2 * cfg->size);
}

int
pvn_ivshmem_qemu_port(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size)
{
	return generate(cfg, write_port, to, size);
}

/* ---- QMP ---- */

static void
write_bus(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	if (cfg->bus != NULL)
		fprintf(out, "\"bus\": \"%s\"}}\n", cfg->bus);
	else
		fprintf(out, "\"bus\": \"pvn-%s-port\"}}\n", cfg->name);
}

static void
write_plug(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	if (cfg->socket != NULL) {
		fprintf(out,
			"{\"execute\": \"chardev-add\", \"arguments\": {\"id\": \"pvn-%s-chr\", "
			"\"backend\": {\"type\": \"socket\", \"data\": {\"addr\": {\"type\": "
			"\"unix\", \"data\": {\"path\": \"%s\"}}, \"server\": false}}}}\n"
			"{\"execute\": \"device_add\", \"arguments\": {\"driver\": "
			"\"ivshmem-doorbell\", \"id\": \"pvn-%s\", \"chardev\": \"pvn-%s-chr\", "
			"\"vectors\": %u, ",
			cfg->name, cfg->socket, cfg->name, cfg->name, vectors_of(cfg));
	} else {
		fprintf(out,
			"{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": "
			"\"memory-backend-file\", \"id\": \"pvn-%s-mem\", \"size\": %" PRIu64
			", \"mem-path\": \"%s\", \"share\": true%s}}\n"
			"{\"execute\": \"device_add\", \"arguments\": {\"driver\": "
			"\"ivshmem-plain\", \"id\": \"pvn-%s\", \"memdev\": \"pvn-%s-mem\", ",
			cfg->name, cfg->size, cfg->file,
			cfg->read_only ? ", \"readonly\": true" : "", cfg->name, cfg->name);
	}
	write_bus(cfg, out);
}

int
pvn_ivshmem_qemu_plug(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size)
{
	return generate(cfg, write_plug, to, size);
}

static void
write_unplug(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	fprintf(out, "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"pvn-%s\"}}\n",
		cfg->name);
	fprintf(out, "{\"execute\": \"%s\", \"arguments\": {\"id\": \"pvn-%s-%s\"}}\n",
		cfg->socket != NULL ? "chardev-remove" : "object-del", cfg->name,
		cfg->socket != NULL ? "chr" : "mem");
}

int
pvn_ivshmem_qemu_unplug(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size)
{
	return generate(cfg, write_unplug, to, size);
}

/* ---- libvirt ---- */

static bool
libvirt_finds(const struct pvn_ivshmem_qemu_cfg *cfg)
{
	return cfg->socket != NULL || (!cfg->read_only && strncmp(cfg->file, "/dev/shm/", 9) == 0 &&
				       strcmp(cfg->file + 9, cfg->name) == 0);
}

static void
write_xml(const struct pvn_ivshmem_qemu_cfg *cfg, FILE *out)
{
	if (!libvirt_finds(cfg)) {
		fputs("<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
		      "  <qemu:arg value='",
		      out);
		write_args_with(cfg, "'/>\n  <qemu:arg value='", "'/>\n  <qemu:arg value='", out);
		fputs("'/>\n</qemu:commandline>\n", out);
		return;
	}
	fprintf(out,
		"<shmem name='%s'>\n"
		"  <model type='ivshmem-%s'/>\n"
		"  <size unit='b'>%" PRIu64 "</size>\n",
		cfg->name, cfg->socket != NULL ? "doorbell" : "plain", cfg->size);
	if (cfg->socket != NULL)
		fprintf(out,
			"  <server path='%s'/>\n"
			"  <msi vectors='%u' ioeventfd='on'/>\n",
			cfg->socket, vectors_of(cfg));
	fputs("</shmem>\n", out);
}

int
pvn_ivshmem_qemu_xml(const struct pvn_ivshmem_qemu_cfg *cfg, char *to, size_t size)
{
	return generate(cfg, write_xml, to, size);
}
