namespace Datum.Providers.DevPlane;

/// <summary>The disk is full and the log is as it was before: after room was made, the same write can be tried again.</summary>
internal sealed class DiskFullException(string folder, Exception inner) : IOException($"the disk under '{folder}' is full ({inner.Message}); make room, then try again", inner);

/// <summary>The log couldn't be rewritten and is as it was before: it only stays longer than it must be.</summary>
internal sealed class CompactionException(Exception inner) : IOException(inner.Message, inner);

/// <summary>The state file is damaged or newer than this program; the message names file, offset and what to do.</summary>
public sealed class PlaneStateException : IOException
{
    public PlaneStateException(string message) : base(message)
    {
    }
}
