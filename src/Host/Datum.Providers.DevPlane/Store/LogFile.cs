using System.Buffers.Binary;
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
    private readonly LogDisk disk;
    private SafeFileHandle handle;

    private LogFile(string folder, ILogger logger, FileStream lockFile, SafeFileHandle handle, LogDisk disk)
    {
        (this.folder, this.logger, this.lockFile, this.handle, this.disk) = (folder, logger, lockFile, handle, disk);
    }

    public string Folder => folder;

    public long Length { get; private set; }

    /// <summary>Everything up to this version is state only; later records are history that watches can resume from.</summary>
    public ulong Floor { get; private set; }

    private string Path => System.IO.Path.Combine(folder, FileName);

    /// <exception cref="PlaneStateException">The log is damaged; the message names the file and the offset.</exception>
    /// <exception cref="IOException">Another process holds the folder, or it can't be written to.</exception>
    public static LogFile Open(string folder, ILogger logger, Action<ChangeType, string, StoredObject, ulong> replay, LogDisk? disk = null)
    {
        disk ??= LogDisk.Real;
        var lockFile = Lock(folder);

        LogFile? log = null;
        try
        {
            var path = System.IO.Path.Combine(folder, FileName);
            if (!File.Exists(path)) Create(folder, disk);
            log = new LogFile(folder, logger, lockFile, OpenHandle(path), disk);
            log.Read(replay);
            return log;
        }
        catch (Exception e)
        {
            log?.handle.Dispose();
            lockFile.Dispose();
            if (LogDisk.IsFull(e)) throw new IOException($"The state folder '{folder}' can't be opened: its disk is full. Make room, then start again.", e);
            if (e is UnauthorizedAccessException) throw NotWritable(folder, e);
            throw;
        }
    }

    /// <summary>Makes the folder and takes its lock, which a process that ends gives back by itself.</summary>
    private static FileStream Lock(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw NotWritable(folder, e);
        }

        var path = System.IO.Path.Combine(folder, "plane.lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw NotWritable(folder, e);
        }
        catch (IOException e) when (!LogDisk.IsFull(e) && File.Exists(path))
        {
            throw new IOException($"The state folder '{folder}' is in use by another process. Stop that one, or name another folder by --state.", e);
        }
        catch (IOException e)
        {
            throw NotWritable(folder, e);
        }
    }

    private static IOException NotWritable(string folder, Exception e) =>
        new($"The state folder '{folder}' can't be written to: {e.Message.TrimEnd('.')}. Make it writable for this user (and its disk not full), or name another one by --state.", e);

    /// <summary>Appends and flushes: when it returns, the records survive a crash.</summary>
    public void Append(IReadOnlyList<byte[]> records)
    {
        var at = Length;
        try
        {
            disk.Write(handle, [.. records.Select(r => (ReadOnlyMemory<byte>)r)], at);
        }
        catch (IOException e) when (LogDisk.IsFull(e))
        {
            // What came through was answered to nobody. Without this cut the next write would stand behind half a record.
            disk.Cut(handle, at);
            throw new DiskFullException(folder, e);
        }

        // A flush that fails is another matter: afterwards nobody knows what is on the disk.
        disk.Flush(handle);
        foreach (var record in records) at += record.Length;
        Length = at;
    }

    /// <summary>Replaces the log by one that holds only the given state.</summary>
    /// <exception cref="CompactionException">It couldn't be written or renamed; the old one is in use as before.</exception>
    public void Compact(ulong floor, IEnumerable<byte[]> records)
    {
        var fresh = Path + ".new";
        try
        {
            disk.WriteNew(fresh, Header(floor), records);
            disk.Rename(fresh, Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(fresh);
            throw new CompactionException(e);
        }

        // From here on the old file has no name any more: what fails now must end the writing.
        disk.FlushFolder(folder);
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

    private static void Create(string folder, LogDisk disk)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        disk.WriteNew(path + ".new", Header(0), []);
        disk.Rename(path + ".new", path);
        disk.FlushFolder(folder);
    }

    private void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NotDeleted(logger, path, e.Message);
        }
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

    private PlaneStateException Damaged(int offset, string why) =>
        new($"The state file '{Path}' is damaged at offset {offset}: {why}. Nothing of it is used, since what follows may be wrong too. Restore it from a backup, or move it away to start empty (what runs at the platforms is then unknown to the host).");

    [LoggerMessage(1, LogLevel.Warning, "The state file {Path} ended in an unfinished record at offset {Offset}; its {Count} bytes are cut off.")]
    private static partial void TornTail(ILogger logger, string path, long offset, long count);

    [LoggerMessage(7, LogLevel.Debug, "{Path} is left over: {Error}")]
    private static partial void NotDeleted(ILogger logger, string path, string error);
}
