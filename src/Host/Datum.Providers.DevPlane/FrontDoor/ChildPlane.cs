namespace Datum.Providers.DevPlane;

/// <summary>A plane that belongs to an object: it appears after it and goes before it.</summary>
internal sealed class ChildPlane(PlaneKind kind, string id, Plane source, string resource, string ownerUid, string? folder) : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private int writes;
    private volatile bool ending;

    public PlaneKind Kind { get; } = kind;
    public string Id { get; } = id;

    /// <summary>The plane of the object, and the object's resource and uid there.</summary>
    public Plane Source { get; } = source;
    public string Resource { get; } = resource;
    public string OwnerUid { get; } = ownerUid;
    public string? Folder { get; } = folder;

    public Plane Plane { get; set; } = null!;

    /// <summary>Its object is being deleted: nothing new is accepted.</summary>
    public bool Ending
    {
        get => ending;
        set => ending = value;
    }

    /// <summary>Writes that are being answered. Each counts before it looks at <see cref="Ending"/>, so none can slip in behind the last look.</summary>
    public int Writes => Volatile.Read(ref writes);

    public CancellationToken Ended => ended.Token;

    public void EnterWrite() => Interlocked.Increment(ref writes);

    public void LeaveWrite() => Interlocked.Decrement(ref writes);

    /// <summary>Whether the object that it belongs to is still there.</summary>
    public StoredObject? Owner => Source.Store.GetLatest(Resource, Id) is { } owner && owner.Uid == OwnerUid ? owner : null;

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await Plane.DisposeAsync();
    }
}
