using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Sessions;

/// <summary>Tells that the source of a ProviderConfig's credentials has another version. It never holds a value (law L12).</summary>
public interface ICredentialVersions
{
    /// <summary>Called with a ProviderConfig's name when its version may be another one.</summary>
    event Action<string>? Changed;

    /// <summary>Another text for each version of the source; null while it isn't known, and where the source can't change while the process lives.</summary>
    string? Of(ProviderConfig config);

    /// <summary>As <see cref="Of"/>, once it is known; waits for a few seconds at most. Ask it before the values are read: those are then at least as new.</summary>
    ValueTask<string?> WaitAsync(ProviderConfig config, CancellationToken cancellation);
}
