using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Datum.Providers.DevPlane;

/// <summary>
/// The append-only log in its folder: <c>plane.log</c>, held by <c>plane.lock</c>. A torn tail is cut off at opening; a damaged record
/// stops the start. Compaction writes <c>plane.log.new</c>, flushes it and renames it over the log.
/// </summary>
internal sealed partial class LogFile : IDisposable
{
    public const string FileName = "plane.log";
    private const int HeaderSize = 24;
    private const int Sector = 512;
    private static readonly byte[] Magic = "DTMPLOG1"u8.ToArray();

    private readonly string folder;
    private readonly ILogger logger;
    private readonly FileStream lockFile;
    private SafeFileHandle handle;

    private LogFile(string folder, ILogger logger, FileStream lockFile, SafeFileHandle handle)
    {
        (this.folder, this.logger, this.lockFile, this.handle) = (folder, logger, lockFile, handle);
    }

    public long Length { get; private set; }

    /// <summary>Everything up to this version is state only; later records are history that watches can resume from.</summary>
    public ulong Floor { get; private set; }

    private string Path => System.IO.Path.Combine(folder, FileName);

    /// <exception cref="InvalidDataException">The log is damaged; the message names the file and the offset.</exception>
    /// <exception cref="IOException">Another process holds the folder.</exception>
    public static LogFile Open(string folder, ILogger logger, Action<ChangeType, string, StoredObject, ulong> replay)
    {
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        FileStream lockFile;
        try
        {
            lockFile = new FileStream(System.IO.Path.Combine(folder, "plane.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"The state folder '{folder}' is in use by another process.", e);
        }

        LogFile? log = null;
        try
        {
            var path = System.IO.Path.Combine(folder, FileName);
            if (!File.Exists(path)) Replace(folder, Header(0), []);
            log = new LogFile(folder, logger, lockFile, OpenHandle(path));
            log.Read(replay);
            return log;
        }
        catch
        {
            log?.handle.Dispose();
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>Appends and flushes: when it returns, the records survive a crash.</summary>
    public void Append(IReadOnlyList<byte[]> records)
    {
        var at = Length;
        RandomAccess.Write(handle, [.. records.Select(r => (ReadOnlyMemory<byte>)r)], at);
        RandomAccess.FlushToDisk(handle);
        foreach (var record in records) at += record.Length;
        Length = at;
    }

    /// <summary>Replaces the log by one that holds only the given state.</summary>
    public void Compact(ulong floor, IEnumerable<byte[]> records)
    {
        Replace(folder, Header(floor), records);
        var old = handle;
        handle = OpenHandle(Path);
        old.Dispose();
        Length = RandomAccess.GetLength(handle);
        Floor = floor;
    }

    public void Dispose()
    {
        handle.Dispose();
        lockFile.Dispose();
    }

    private static SafeFileHandle OpenHandle(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);

    private static byte[] Header(ulong floor)
    {
        var header = new byte[HeaderSize];
        Magic.CopyTo(header, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), floor);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), LogRecord.Crc32C(header.AsSpan(0, 20)));
        return header;
    }

    private static void Replace(string folder, byte[] header, IEnumerable<byte[]> records)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        var fresh = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(fresh, options))
        {
            stream.Write(header);
            foreach (var record in records) stream.Write(record);
            stream.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
        FlushFolder(folder);
    }

    private void Read(Action<ChangeType, string, StoredObject, ulong> replay)
    {
        var bytes = File.ReadAllBytes(Path);
        if (bytes.Length < HeaderSize || !bytes.AsSpan(0, 8).SequenceEqual(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(20)) != LogRecord.Crc32C(bytes.AsSpan(0, 20)))
        {
            throw Damaged(0, "the header is not one of this program's logs or its checksum fails");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(16)) != 1) throw Damaged(16, "the format is newer than this program");
        Floor = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8));
        var at = HeaderSize;
        var last = Floor;
        while (at < bytes.Length)
        {
            var size = Whole(bytes, at);
            if (size is null) break;
            var (type, resource, value) = Decode(bytes.AsSpan(at + LogRecord.HeadSize, size.Value), at);
            if (value.Version > Floor)
            {
                if (value.Version <= last) throw Damaged(at, $"version {value.Version} follows version {last}");
                last = value.Version;
            }

            replay(type, resource, value, Floor);
            at += LogRecord.HeadSize + size.Value;
        }

        if (at < bytes.Length)
        {
            TornTail(logger, Path, at, bytes.Length - at);
            RandomAccess.SetLength(handle, at);
            RandomAccess.FlushToDisk(handle);
        }

        Length = at;
    }

    /// <summary>The payload size of the record at the offset; null for a tail that was never completely written.</summary>
    private int? Whole(byte[] bytes, int at)
    {
        var rest = bytes.AsSpan(at);
        if (rest.Length < LogRecord.HeadSize) return null;
        var length = LogRecord.Length(rest);
        if (length is null)
        {
            // Blocks that were allocated but never written read as zeros; anything else was written and has changed since.
            return IsUnwritten(bytes, at, bytes.Length) ? null : throw Damaged(at, "the record's length doesn't match its checksum");
        }

        if (rest.Length < LogRecord.HeadSize + length.Value) return null;
        if (LogRecord.Matches(rest, rest.Slice(LogRecord.HeadSize, length.Value))) return length;
        var end = at + LogRecord.HeadSize + length.Value;
        return end == bytes.Length && IsUnwritten(bytes, at, end) ? null : throw Damaged(at, "the record's checksum fails");
    }

    private static bool IsUnwritten(byte[] bytes, int from, int to)
    {
        for (var start = from / Sector * Sector; start < to; start += Sector)
        {
            var begin = Math.Max(start, from);
            var end = Math.Min(start + Sector, to);
            if (end - begin >= 16 && bytes.AsSpan(begin, end - begin).IndexOfAnyExcept((byte)0) < 0) return true;
        }

        return false;
    }

    private (ChangeType Type, string Resource, StoredObject Value) Decode(ReadOnlySpan<byte> payload, int at)
    {
        try
        {
            return LogRecord.Decode(payload);
        }
        catch (Exception e)
        {
            throw Damaged(at, "the record can't be read: " + e.Message);
        }
    }

    private InvalidDataException Damaged(int offset, string why) =>
        new($"The state file '{Path}' is damaged at offset {offset}: {why}. Restore it from a backup or remove it to start empty.");

    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        var fd = Native.Open(folder, 0);
        if (fd < 0) throw new IOException($"Can't open the folder '{folder}' to flush it (errno {Marshal.GetLastPInvokeError()}).");
        var failed = Native.Fsync(fd) != 0;
        var errno = Marshal.GetLastPInvokeError();
        _ = Native.Close(fd);
        if (failed) throw new IOException($"Can't flush the folder '{folder}' (errno {errno}).");
    }

    [LoggerMessage(1, LogLevel.Warning, "The state file {Path} ended in an unfinished record at offset {Offset}; its {Count} bytes are cut off.")]
    private static partial void TornTail(ILogger logger, string path, long offset, long count);

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        internal static partial int Fsync(int fd);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        internal static partial int Close(int fd);
    }
}
