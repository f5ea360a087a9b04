namespace Datum.Providers.Conformance;

/// <summary>Counts the platform's objects without the driver. Every world with a platform needs it: what the driver says of itself proves nothing.</summary>
public interface ICensus
{
    /// <summary>All objects that exist now and carry any mark of the connection's installation, of whatever kind and part.</summary>
    ValueTask<ImmutableArray<CensusObject>> CountAsync();
}

/// <summary>One object at the platform.</summary>
public sealed record CensusObject
{
    /// <summary>The id, written as the driver writes it in <see cref="Part.Id"/>.</summary>
    public required string Id { get; init; }

    /// <summary>The kind in the mark.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary><see cref="Identity.Name"/> in the mark.</summary>
    public required string IdentityName { get; init; }

    /// <summary>The incarnation in the mark; 0 when it holds none.</summary>
    public long Incarnation { get; init; }

    /// <summary>Name, labels, tags and description, as text: searched for secrets.</summary>
    public required string Labels { get; init; }

    /// <summary>
    /// True for what belongs to another object and is no <see cref="Part"/> of its own, e.g. a stored secret that only its name marks: nobody records
    /// it, and it has to be gone when the resource is.
    /// </summary>
    public bool Attached { get; init; }

    /// <summary>Changes with every change of the object at the platform; null when the platform can't tell.</summary>
    public string? Revision { get; init; }
}

/// <summary>Takes an object away behind the driver's back.</summary>
public interface IVanish
{
    /// <summary>The object of a part id is gone afterwards.</summary>
    ValueTask VanishAsync(ResourceKind kind, Part part);
}

/// <summary>Makes objects that aren't ours.</summary>
public interface IForeignObjects
{
    /// <summary>Makes an object without our mark, under the name that the driver would choose for the step where names collide; returns its id.</summary>
    ValueTask<string> MakeForeignAsync(Identity identity, string part);

    /// <summary>Copies an object with its mark, as a user's clone does; returns the copy's id.</summary>
    ValueTask<string> CopyAsync(ResourceKind kind, Part part);

    /// <summary>
    /// False where the driver finds what isn't recorded by a name that the platform gives to one object only: a copy then has another name and never
    /// answers to the identity (DC-24).
    /// </summary>
    bool CopiesAnswer => true;
}

/// <summary>Changes marks behind the driver's back.</summary>
public interface IMarkTampering
{
    /// <summary>Takes the mark off.</summary>
    ValueTask StripMarkAsync(ResourceKind kind, Part part);

    /// <summary>Puts another installation's mark on.</summary>
    ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation);
}

/// <summary>Changes fields behind the driver's back.</summary>
public interface IDriftMaker
{
    /// <summary>Makes the object differ from a wish of <see cref="Sample.Valid"/>; returns the path of the drift, or null when the kind has nothing to change.</summary>
    ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part);
}

/// <summary>Puts another account behind the same endpoint.</summary>
public interface IAccountSwap
{
    /// <summary>From now on the endpoint and credentials lead to another account.</summary>
    ValueTask SwapAccountAsync();
}

/// <summary>Renews and revokes the session's credentials.</summary>
public interface ICredentialControl
{
    /// <summary>The old credentials end, <see cref="ConformanceWorld.Credentials"/> returns new ones.</summary>
    ValueTask RotateAsync();

    /// <summary>No credentials are accepted any more.</summary>
    ValueTask RevokeAsync();

    /// <summary>Session tokens that were handed out aren't accepted any more; the credentials are.</summary>
    ValueTask ExpireTokensAsync();
}

/// <summary>Limits the account.</summary>
public interface IQuotaControl
{
    /// <summary>No more objects of the kind can be made; null lifts the limit.</summary>
    ValueTask SetQuotaAsync(ResourceKind kind, int? limit);
}

/// <summary>Fills the place up.</summary>
public interface ICapacityControl
{
    /// <summary>There is no room for instances any more; false gives it back.</summary>
    ValueTask SetFullAsync(bool full);
}

/// <summary>Limits the rate of requests.</summary>
public interface IThrottleControl
{
    /// <summary>Every request is refused with the platform's own throttling answer; null ends it.</summary>
    ValueTask SetThrottledAsync(TimeSpan? retryAfter);
}

/// <summary>Makes the platform slow.</summary>
public interface ISlowOperations
{
    /// <summary>Creating and deleting take this long from now on.</summary>
    ValueTask SetDurationAsync(TimeSpan duration);
}

/// <summary>Makes operations fail after they were accepted.</summary>
public interface IOperationFailure
{
    /// <summary>The next create of the kind is accepted and fails later. <paramref name="lateStockout"/>: for lack of room.</summary>
    ValueTask FailNextCreateAsync(ResourceKind kind, bool lateStockout);

    /// <summary>The platform forgets its operations; the work goes on.</summary>
    ValueTask ForgetOperationsAsync();
}

/// <summary>Makes new objects hidden for a while.</summary>
public interface IConsistencyControl
{
    /// <summary>New objects are missing from reads and lists for this long, at most the declared window.</summary>
    ValueTask SetWindowAsync(TimeSpan window);
}

/// <summary>Makes a part of the platform unreachable, so that listings are incomplete.</summary>
public interface IPartitionControl
{
    /// <summary>A zone or region in which samples live doesn't answer; false brings it back.</summary>
    ValueTask SetUnreachableAsync(bool unreachable);
}

/// <summary>Limits the pages of listings.</summary>
public interface IPageControl
{
    /// <summary>Objects a page at most.</summary>
    ValueTask SetPageSizeAsync(int size);
}

/// <summary>Lets the clocks of driver and platform differ.</summary>
public interface IClockSkew
{
    /// <summary>The platform's clock runs ahead of the driver's by this.</summary>
    ValueTask SetSkewAsync(TimeSpan ahead);
}

/// <summary>Lets something hold a resource so that it can't be deleted.</summary>
public interface IDeletionBlocker
{
    /// <summary>Something that isn't ours uses the object from now on; returns what the platform calls it, or null where the kind can't be held.</summary>
    ValueTask<string?> BlockAsync(ResourceKind kind, Part part);
}

/// <summary>Lets objects wait for a person's approval.</summary>
public interface IApprovalControl
{
    /// <summary>New objects of the kind wait for approval.</summary>
    ValueTask RequireApprovalAsync(ResourceKind kind);

    /// <summary>Approves or rejects an object.</summary>
    ValueTask DecideAsync(Part part, bool approve);
}

/// <summary>Counts sign-ins: many platforms allow only a few at a time.</summary>
public interface ISignInCount
{
    /// <summary>Session tokens that the platform accepts now.</summary>
    ValueTask<int> CountSignInsAsync();
}

/// <summary>Hands over the driver as a host loads it: a folder with the driver's assembly and what it brings along.</summary>
public interface IPackedDriver
{
    /// <summary>The folder; null when it wasn't built.</summary>
    string? Folder { get; }

    /// <summary>File name of the driver's assembly in it.</summary>
    string Assembly { get; }

    /// <summary>Full name of the factory, a public class with a constructor without parameters.</summary>
    string FactoryType { get; }
}

/// <summary>Reads one object without the driver, whatever mark it carries: what must be left alone is compared before and after.</summary>
public interface IObjectReader
{
    /// <summary>The object of a part id; null when it isn't there. Without our mark its kind is Unknown and its identity's name empty.</summary>
    ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part);
}

/// <summary>Knows wishes that differ from <see cref="Sample.Valid"/> in one field each.</summary>
public interface IPathWishes
{
    /// <summary>By path of <see cref="Drift.Path"/> without brackets: every one of <see cref="KindDescriptor.UpdatablePaths"/>, and some that need a new incarnation.</summary>
    ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind);
}

/// <summary>Changes at the platform that are no drift.</summary>
public interface INeutralChanges
{
    /// <summary>Changes what the samples leave unset and writes what they set in another way (another order), as users and platforms do.</summary>
    ValueTask ChangeNeutrallyAsync(ResourceKind kind, Part part);
}

/// <summary>Lets names of samples mean something newer.</summary>
public interface IResolutionChange
{
    /// <summary>The connection under which the same names of images, types or sizes lead to other ones.</summary>
    Connection NewerConnection { get; }
}

/// <summary>Speaks for guests.</summary>
public interface IGuestControl
{
    /// <summary>Sets what the guest of an instance's main part says of its health; null: it says nothing any more.</summary>
    ValueTask SetGuestReadyAsync(Part part, bool? ready);
}
