using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Datum.Providers.DevPlane;

/// <summary>What the log asks of a file system. The seam behind which a test makes a disk full or lets a flush fail.</summary>
internal partial class LogDisk
{
    // errno: no space, over quota, file too large.
    private const int NoSpace = 28;
    private const int TooLarge = 27;
    private const int Quota = 122;

    public static LogDisk Real { get; } = new();

    /// <summary>Whether making room would help.</summary>
    public static bool IsFull(Exception error) => error is IOException { HResult: NoSpace or TooLarge or Quota };

    public virtual void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> parts, long at) => RandomAccess.Write(file, parts, at);

    public virtual void Flush(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    public virtual void Cut(SafeFileHandle file, long length) => RandomAccess.SetLength(file, length);

    /// <summary>Writes a whole new file and flushes it.</summary>
    public virtual void WriteNew(string path, byte[] header, IEnumerable<byte[]> records)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(path, options);
        stream.Write(header);
        foreach (var record in records) stream.Write(record);
        stream.Flush(flushToDisk: true);
    }

    public virtual void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    /// <summary>Makes a rename in the folder survive a crash.</summary>
    public virtual void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        var fd = Native.Open(folder, 0);
        if (fd < 0) throw new IOException($"Can't open the folder '{folder}' to flush it (errno {Marshal.GetLastPInvokeError()}).");
        var failed = Native.Fsync(fd) != 0;
        var errno = Marshal.GetLastPInvokeError();
        _ = Native.Close(fd);
        if (failed) throw new IOException($"Can't flush the folder '{folder}' (errno {errno}).");
    }

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
