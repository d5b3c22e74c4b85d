// SPDX-License-Identifier: Apache-2.0
#include "daemon/output/jsonl_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <array>

namespace fnshield {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kFolderMode = 0750;

// Like mkdir -p.
Result<void> make_folders(const std::filesystem::path& folder)
{
    std::filesystem::path made;
    for (const auto& part : folder) {
        made /= part;
        if (mkdir(made.c_str(), kFolderMode) != 0 && errno != EEXIST && errno != EISDIR)
            return fail_errno("cannot make the folder " + made.string());
    }
    return {};
}

bool ends_with_newline(int fd, off_t size)
{
    char last = 0;
    return size == 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

}  // namespace

JsonlSink::JsonlSink(std::filesystem::path path, Options options)
    : path_(std::move(path)), name_("jsonl " + path_.string()), options_(options)
{
    (void)note(open());  // an error is kept in stats_
}

Result<void> JsonlSink::write(std::string_view json_line, const Alert* /*alert*/)
{
    if (!queue_.empty()) {  // order: it waits behind those before it
        enqueue(json_line);
        return fail(stats_.last_error);
    }
    auto written = note(write_line(json_line));
    if (!written)
        enqueue(json_line);
    return written;
}

Result<void> JsonlSink::tick()
{
    if (!file_ || was_moved()) {
        if (auto opened = note(open()); !opened) {
            if (file_ && is_deleted())
                file_.reset();  // what is written there is lost
            return opened;
        }
    }
    return queue_.empty() ? Result<void>{} : note(drain());
}

Result<void> JsonlSink::reopen()
{
    if (auto opened = note(open()); !opened)
        return opened;
    return note(drain());
}

Result<void> JsonlSink::open()
{
    if (path_.has_parent_path())
        if (auto made = make_folders(path_.parent_path()); !made)
            return made;
    // Reading is for the last byte. O_NONBLOCK: a pipe without a reader is an error, not a wait.
    constexpr int kFlags = O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    UniqueFd file(::open(path_.c_str(), O_RDWR | kFlags, kFileMode));
    if (!file && errno == EACCES)
        file.reset(::open(path_.c_str(), O_WRONLY | kFlags, kFileMode));
    if (!file)
        return fail_errno("cannot open " + path_.string());
    struct stat status{};
    if (fstat(file.get(), &status) != 0)
        return fail_errno("cannot look at " + path_.string());
    regular_ = S_ISREG(status.st_mode);
    line_is_open_ = regular_ && !ends_with_newline(file.get(), status.st_size);
    file_ = std::move(file);
    return {};
}

bool JsonlSink::was_moved() const
{
    struct stat ours{};
    struct stat named{};
    if (fstat(file_.get(), &ours) != 0 || stat(path_.c_str(), &named) != 0)
        return true;
    return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

bool JsonlSink::is_deleted() const
{
    struct stat ours{};
    return fstat(file_.get(), &ours) != 0 || ours.st_nlink == 0;
}

Result<void> JsonlSink::write_line(std::string_view line)
{
    if (!file_)
        if (auto opened = open(); !opened)
            return opened;
    struct stat before{};
    if (regular_ && fstat(file_.get(), &before) != 0)
        return fail_errno("cannot look at " + path_.string());

    static constexpr std::string_view kNewline = "\n";
    const auto part = [](std::string_view text) {
        return iovec{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
    };
    const std::array<iovec, 3> parts{part(line_is_open_ ? kNewline : std::string_view{}), part(line), part(kNewline)};
    const std::size_t wanted = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
    ssize_t written = 0;
    do {
        written = writev(file_.get(), parts.data(), parts.size());
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(wanted)) {
        line_is_open_ = false;
        ++stats_.written;
        return {};
    }

    const int why = written < 0 ? errno : ENOSPC;  // a short write is a disk that became full on the way
    if (written > 0 && !(regular_ && ftruncate(file_.get(), before.st_size) == 0))
        line_is_open_ = true;
    return fail_errno("cannot write to " + path_.string(), why);
}

Result<void> JsonlSink::drain()
{
    while (!queue_.empty()) {
        if (auto written = write_line(queue_.front()); !written)
            return written;
        queued_bytes_ -= queue_.front().size();
        queue_.pop_front();
        stats_.queued = queue_.size();
    }
    return {};
}

void JsonlSink::enqueue(std::string_view line)
{
    if (queue_.size() >= options_.queue_lines || queued_bytes_ + line.size() > options_.queue_bytes) {
        ++stats_.dropped;
        return;
    }
    queue_.emplace_back(line);
    queued_bytes_ += line.size();
    stats_.queued = queue_.size();
}

Result<void> JsonlSink::note(Result<void> result)
{
    if (result)
        stats_.last_error.clear();
    else
        stats_.last_error = result.error().message;
    return result;
}

}  // namespace fnshield
