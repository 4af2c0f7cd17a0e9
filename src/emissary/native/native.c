/*
 * What a supervisor needs from the kernel and QuickJS's std and os modules do not offer. Everything else is TypeScript.
 *
 * main        arguments as bytes; signals blocked before a script can be slow; inherited descriptors closed; orphans
 *             come to us although we are not PID 1 (PR_SET_CHILD_SUBREAPER)
 * signals     a signalfd: QuickJS's own handlers lose a signal that comes between its check and its select()
 * spawn       process group, terminal, umask and signal mask between fork and exec; the errno of a failed exec;
 *             arguments that are not UTF-8, in any number
 * watch       inotify
 * nonblocking what is left in a pipe that background processes keep open
 * crc32       gzip's checksum, a hundred times faster than in the interpreter
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "quickjs.h"

extern char **environ;
int quickjs_main(int argc, char **argv);

static struct {
    int argc;
    char **argv;
    sigset_t mask;
    mode_t umask;
    int foreground;
} given;

static void close_from(int first)
{
    if (syscall(SYS_close_range, first, ~0U, 0) == 0)
        return;
    for (int fd = first; fd < 65536; fd++)
        close(fd);
}

int main(int argc, char **argv)
{
    sigset_t all;
    int fd;
    /* Not sigfillset: it leaves out three that musl uses for threads, which we do not have. */
    memset(&all, 0xff, sizeof(all));
    sigprocmask(SIG_SETMASK, &all, &given.mask);
    close_from(3);
    /* A standard descriptor that is closed must not become one of ours. */
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd < 3)
        ;
    close(fd);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    given.argc = argc;
    given.argv = argv;
    given.umask = umask(0);
    given.foreground = isatty(0) && tcgetpgrp(0) == getpgrp();
    return quickjs_main(argc, argv);
}

static JSValue js_signals(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    sigset_t all;
    memset(&all, 0xff, sizeof(all));
    int fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
    return JS_NewInt32(ctx, fd < 0 ? -errno : fd);
}

/* Shares our memory until exec or _exit: no copy of page tables, and errno comes back. */
static int __attribute__((noinline)) start(const char **paths, char **args, int out, int err, volatile int *failure)
{
    pid_t pid = vfork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    setpgid(0, 0);
    if (given.foreground)
        tcsetpgrp(0, getpid());
    if ((out != 1 && dup2(out, 1) < 0) || (err != 2 && dup2(err, 2) < 0)) {
        *failure = errno;
        _exit(127);
    }
    close_from(3);
    umask(given.umask);
    sigprocmask(SIG_SETMASK, &given.mask, NULL);
    int worst = ENOENT;
    for (; *paths; paths++) {
        execve(*paths, args, environ);
        if (errno == EACCES)
            worst = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR) {
            worst = errno;
            break;
        }
    }
    *failure = worst;
    _exit(127);
}

/* An array of strings as C strings with a NULL at the end, after `kept` places for the caller. */
static const char **strings(JSContext *ctx, JSValueConst array, uint32_t kept)
{
    int64_t length = 0;
    JSValue value = JS_GetPropertyStr(ctx, array, "length");
    if (JS_ToInt64(ctx, &length, value) || length < 0 || length > 1000000)
        return NULL;
    const char **result = calloc(kept + length + 1, sizeof(char *));
    for (uint32_t i = 0; result && i < length; i++) {
        value = JS_GetPropertyUint32(ctx, array, i);
        result[kept + i] = JS_ToCString(ctx, value);
        JS_FreeValue(ctx, value);
    }
    return result;
}

static void free_strings(JSContext *ctx, const char **list, uint32_t kept)
{
    for (uint32_t i = kept; list && list[i]; i++)
        JS_FreeCString(ctx, list[i]);
    free(list);
}

/* spawn(paths, first, more, stdout, stderr): pid, or -errno. Runs our own arguments from `first` on, then `more`. */
static JSValue js_spawn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int first, out, err;
    volatile int failure = 0;
    if (JS_ToInt32(ctx, &first, argv[1]) || JS_ToInt32(ctx, &out, argv[3]) || JS_ToInt32(ctx, &err, argv[4]))
        return JS_EXCEPTION;
    if (first < 0 || first > given.argc)
        return JS_ThrowRangeError(ctx, "no such argument");
    uint32_t own = given.argc - first;
    const char **paths = strings(ctx, argv[0], 0), **args = strings(ctx, argv[2], own);
    int result = -ENOMEM;
    if (paths && args) {
        for (uint32_t i = 0; i < own; i++)
            args[i] = given.argv[first + i];
        result = start(paths, (char **)args, out, err, &failure);
        if (failure) {
            /* It has ended: nobody else must find its status. */
            while (waitpid(result, NULL, 0) < 0 && errno == EINTR)
                ;
            result = -failure;
        }
    }
    free_strings(ctx, paths, 0);
    free_strings(ctx, args, own);
    return JS_NewInt32(ctx, result);
}

/* watch(fd, directory): the inotify descriptor, made where fd is -1; or -errno. */
static JSValue js_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd, result;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    const char *path = JS_ToCString(ctx, argv[1]);
    if (!path)
        return JS_EXCEPTION;
    int own = fd < 0;
    if (own)
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    result = fd < 0 ? -errno : fd;
    if (fd >= 0 && inotify_add_watch(fd, path, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        result = -errno;
        if (own)
            close(fd);
    }
    JS_FreeCString(ctx, path);
    return JS_NewInt32(ctx, result);
}

static JSValue js_nonblocking(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int fd;
    if (JS_ToInt32(ctx, &fd, argv[0]))
        return JS_EXCEPTION;
    return JS_NewInt32(ctx, fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? -errno : 0);
}

static JSValue js_crc32(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    static uint32_t table[256];
    uint32_t crc, length;
    size_t size;
    uint8_t *bytes = JS_GetArrayBuffer(ctx, &size, argv[1]);
    if (!bytes || JS_ToUint32(ctx, &crc, argv[0]) || JS_ToUint32(ctx, &length, argv[2]))
        return JS_EXCEPTION;
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (int bit = 0; bit < 8; bit++)
                table[i] = table[i] & 1 ? 0xEDB88320 ^ table[i] >> 1 : table[i] >> 1;
        }
    crc = ~crc;
    for (uint32_t i = 0; i < length && i < size; i++)
        crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
    return JS_NewUint32(ctx, ~crc);
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("signals", 0, js_signals),
    JS_CFUNC_DEF("spawn", 5, js_spawn),
    JS_CFUNC_DEF("watch", 2, js_watch),
    JS_CFUNC_DEF("nonblocking", 1, js_nonblocking),
    JS_CFUNC_DEF("crc32", 3, js_crc32),
    /* They differ between amd64 and arm64. */
    JS_PROP_INT32_DEF("O_NOFOLLOW", O_NOFOLLOW, JS_PROP_CONFIGURABLE),
    JS_PROP_INT32_DEF("O_NONBLOCK", O_NONBLOCK, JS_PROP_CONFIGURABLE),
};

static int fill(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExportList(ctx, module, functions, sizeof(functions) / sizeof(functions[0]));
}

JSModuleDef *js_init_module_native(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, fill);
    if (module)
        JS_AddModuleExportList(ctx, module, functions, sizeof(functions) / sizeof(functions[0]));
    return module;
}
