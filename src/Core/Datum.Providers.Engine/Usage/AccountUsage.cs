using Datum.Providers.Engine.Collect;

namespace Datum.Providers.Engine.Usage;

/// <summary>Who asks for the use of one account's instances, and what the last reading showed. Thread-safe.</summary>
internal sealed class AccountUsage(AccountKey key)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _asked = new(StringComparer.Ordinal);
    private Dictionary<(string Name, long Incarnation), UsageMeasurement> _known = [];
    private string? _why;
    private bool _running;

    public AccountKey Key => key;

    /// <summary>Notes that an entry's use is wanted. True when nobody reads the account: the caller begins.</summary>
    public bool Ask(string entry, DateTimeOffset now)
    {
        lock (_lock)
        {
            _asked[entry] = now;
            return !_running && (_running = true);
        }
    }

    /// <summary>The entries that were asked for since. When there are none the reader ends, and nothing is kept.</summary>
    public string[] AskedSince(DateTimeOffset since)
    {
        lock (_lock)
        {
            foreach (var (entry, at) in _asked)
                if (at < since)
                    _asked.Remove(entry);
            if (_asked.Count == 0)
                Forget();
            return [.. _asked.Keys];
        }
    }

    /// <summary>The reader ended otherwise.</summary>
    public void Stop()
    {
        lock (_lock)
            Forget();
    }

    /// <summary>Takes a reading in place of the last one.</summary>
    public void Read(Dictionary<(string Name, long Incarnation), UsageMeasurement> known, bool complete)
    {
        lock (_lock)
            (_known, _why) = (known, complete ? "The platform hasn't measured it yet." : "The platform left some instances out.");
    }

    /// <summary>A reading failed: what the last one showed grows old. True when it failed otherwise than before.</summary>
    public bool Failed(string why)
    {
        lock (_lock)
        {
            var changed = _why != why;
            _why = why;
            return changed;
        }
    }

    public UsageLook Find(string name, long incarnation)
    {
        lock (_lock)
            return new(_known.GetValueOrDefault((name, incarnation)) ?? _known.GetValueOrDefault((name, 0)), _why);
    }

    private void Forget()
    {
        _asked.Clear();
        _known = [];
        _why = null;
        _running = false;
    }
}
