using System.Collections.Frozen;

namespace Datum.Providers.DevPlane;

/// <summary>Planes of one kind that a token reaches: all, some by name, or those whose objects match a label selector.</summary>
internal sealed record PlaneScope(bool All, FrozenSet<string> Names, IReadOnlyList<Func<StoredObject, bool>>? Selector)
{
    /// <param name="owner">The object that the plane belongs to; null where there is none.</param>
    public bool Covers(string id, StoredObject? owner) =>
        All || Names.Contains(id) || (Selector is not null && owner is not null && Selector.All(test => test(owner)));
}

/// <summary>What the holder of a token may do. It ends when its entry leaves the token file or changes.</summary>
internal sealed class Grant : IDisposable
{
    private readonly CancellationTokenSource ended = new();

    public required string Subject { get; init; }
    public required PlaneAccess Access { get; init; }

    /// <summary>Whether it reaches the core plane.</summary>
    public bool Core { get; init; }

    /// <summary>Whether it reaches every plane.</summary>
    public bool Everywhere { get; init; }

    /// <summary>Scopes by <see cref="PlaneKind.TokenField"/>.</summary>
    public IReadOnlyDictionary<string, PlaneScope> Scopes { get; init; } = new Dictionary<string, PlaneScope>();

    /// <summary>Null never expires.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The entry that a bearer token was issued for; null for entries themselves.</summary>
    public Grant? Source { get; init; }

    public CancellationToken Ended => Source?.Ended ?? ended.Token;

    public PlaneAccess OnCore => Core || Everywhere ? Access : PlaneAccess.Unknown;

    public PlaneAccess On(PlaneKind kind, string id, StoredObject? owner) =>
        Everywhere || (Scopes.TryGetValue(kind.TokenField, out var scope) && scope.Covers(id, owner)) ? Access : PlaneAccess.Unknown;

    public bool IsGood(DateTimeOffset now) => !Ended.IsCancellationRequested && !(Expires <= now) && !(Source?.Expires <= now);

    public void End() => ended.Cancel();

    public void Dispose() => ended.Dispose();

    public override string ToString() => $"{Subject} ({Access})";
}

/// <summary>A client that signs assertions, with its public keys by id.</summary>
internal sealed record ServiceAccount(string ClientId, Grant Grant, IReadOnlyDictionary<string, byte[]> Keys);
