using System.Buffers.Binary;
using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>
/// The simulated platform's state in a folder, so that it outlives the process: <c>state.json</c>, replaced as a whole and flushed before an
/// answer leaves, and <c>state.lock</c>, which one request at a time holds and which counts the versions.
/// </summary>
internal sealed class CloudStateFile
{
    private readonly string _state;
    private readonly string _lock;
    private long _known = -1;

    public CloudStateFile(string folder)
    {
        Directory.CreateDirectory(folder);
        _state = Path.Combine(folder, "state.json");
        _lock = Path.Combine(folder, "state.lock");
    }

    /// <summary>Null while somebody else holds it.</summary>
    public Lease? TryLock()
    {
        try
        {
            return new Lease(this, new FileStream(_lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (IOException) when (File.Exists(_lock))
        {
            return null;
        }
    }

    public sealed class Lease(CloudStateFile owner, FileStream file) : IDisposable
    {
        /// <summary>The state when it isn't the one that was last read or written here; null when it is, or when there is none.</summary>
        public CloudState? ReadIfChanged()
        {
            var version = ReadVersion();
            if (version == owner._known)
                return null;
            owner._known = version;
            return File.Exists(owner._state)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(owner._state), CloudJson.Default.CloudState)
                : null;
        }

        public void Write(CloudState state)
        {
            // The version goes first: a reader after a crash in between reads once too often, never too seldom.
            var version = ReadVersion() + 1;
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(bytes, version);
            RandomAccess.Write(file.SafeFileHandle, bytes, 0);
            var fresh = owner._state + ".new";
            using (var stream = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                JsonSerializer.Serialize(stream, state, CloudJson.Default.CloudState);
                stream.Flush(flushToDisk: true);
            }

            File.Move(fresh, owner._state, overwrite: true);
            owner._known = version;
        }

        public void Dispose() => file.Dispose();

        private long ReadVersion()
        {
            Span<byte> bytes = stackalloc byte[8];
            return RandomAccess.Read(file.SafeFileHandle, bytes, 0) == 8 ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;
        }
    }
}
