namespace Datum.Providers;

/// <summary>Everything that the host must know of a driver before a session exists.</summary>
public sealed record DriverDescriptor
{
    /// <summary>The driver's name: 1 to 40 of <c>[a-z0-9-]</c>, equal to the manifest's id.</summary>
    public required string Id { get; init; }

    /// <summary>The driver's own version (semantic).</summary>
    public required string Version { get; init; }

    /// <summary>The key under <c>Location.spec.provider</c> that selects it.</summary>
    public required string LocationKey { get; init; }

    /// <summary>Schema of the location block: the structural subset of OpenAPI that CRDs allow, as JSON. URLs have no place in it.</summary>
    public required string LocationSchema { get; init; }

    /// <summary>Schema of ProviderConfig <c>spec.settings</c>, likewise.</summary>
    public required string SettingsSchema { get; init; }

    /// <summary>Keys that the credentials may hold.</summary>
    public ImmutableArray<CredentialKey> CredentialKeys { get => field.IsDefault ? [] : field; init; }

    /// <summary>Hosts that the driver talks to by default, for network policies; empty when the endpoint is all.</summary>
    public ImmutableArray<string> Egress { get => field.IsDefault ? [] : field; init; }

    /// <summary>Fields of the location block that a session depends on; locations equal in them share one.</summary>
    public ImmutableArray<string> SessionScope { get => field.IsDefault ? [] : field; init; }

    /// <summary>Whether a network needs its address range before it is made.</summary>
    public required RangeOrder RangeOrder { get; init; }

    /// <summary>One entry for each kind whose property on <see cref="IInfrastructureDriver"/> isn't null.</summary>
    public required ImmutableArray<KindDescriptor> Kinds { get; init; }

    /// <summary>What instances and networks can be wished for.</summary>
    public required Capabilities Capabilities { get; init; }

    /// <summary>Exactly the optional interfaces that every session implements. The host uses none that isn't announced.</summary>
    public ImmutableArray<Ability> Abilities { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Optional interfaces of a session.</summary>
public enum Ability
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary><see cref="IPowerControl"/>.</summary>
    Power = 1,

    /// <summary><see cref="IConsoleLog"/>.</summary>
    ConsoleLog = 2,

    /// <summary><see cref="IImageCatalog"/>.</summary>
    ImageCatalog = 3,

    /// <summary><see cref="IOfferings"/>.</summary>
    Offerings = 4,

    /// <summary><see cref="IQuotas"/>.</summary>
    Quotas = 5,

    /// <summary><see cref="IChangeFeed"/>.</summary>
    ChangeFeed = 6,

    /// <summary><see cref="IUsageReader"/>; since contract 1.1.</summary>
    Usage = 7,
}

/// <summary>A key of the credentials.</summary>
public sealed record CredentialKey
{
    /// <summary>The key in the Secret.</summary>
    public required string Key { get; init; }

    /// <summary>Whether a session can't do without it. Default false.</summary>
    public bool Required { get; init; }

    /// <summary>What it holds.</summary>
    public required string Description { get; init; }
}

/// <summary>When a network learns its address range.</summary>
public enum RangeOrder
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>Before it is made: the host makes it once its first subnet is allocated, with <see cref="NetworkSpec.Ranges"/> set.</summary>
    RangeFirst = 1,

    /// <summary>After: the host makes it at once; ranges come with the subnets.</summary>
    NetworkFirst = 2,
}

/// <summary>What the host must know of one kind on this platform.</summary>
public sealed record KindDescriptor
{
    /// <summary>The kind.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary>The weakest class of any create step of this kind.</summary>
    public required CreateClass CreateClass { get; init; }

    /// <summary>For class A: how long the platform remembers a token. A token proves nothing after it.</summary>
    public TimeSpan TokenLife { get; init; }

    /// <summary>How long after a request an object may still be missing from reads and listings.</summary>
    public required TimeSpan ConsistencyWindow { get; init; }

    /// <summary>How listings find our marks.</summary>
    public required ListQuality ListQuality { get; init; }

    /// <summary>The location field by which listings are cut (<c>region</c>); null when one listing shows the whole account.</summary>
    public string? ListPartition { get; init; }

    /// <summary>True when a listed item carries <see cref="Listed{TFacts}.Facts"/>, so that steady state needs no further reads.</summary>
    public bool ListingCarriesFacts { get; init; }

    /// <summary>True when a listed item carries <see cref="Listed{TFacts}.Revision"/>.</summary>
    public bool ListingCarriesRevision { get; init; }

    /// <summary>Fields of the location block that all sharers of one object have in common (GCP network: projectId). Empty: one object for the whole account.</summary>
    public ImmutableArray<string> SharingScope { get => field.IsDefault ? [] : field; init; }

    /// <summary>Paths (as in <see cref="Drift.Path"/>, without keys in brackets) that an update can change; all others are replaced.</summary>
    public ImmutableArray<string> UpdatablePaths { get => field.IsDefault ? [] : field; init; }

    /// <summary>True when the kind's verbs implement <see cref="IAdoption{TFacts}"/>. Default false.</summary>
    public bool Adoptable { get; init; }

    /// <summary>How long a create usually takes.</summary>
    public required TimeSpan TypicalCreate { get; init; }

    /// <summary>Passing it is a condition, not a failure.</summary>
    public required TimeSpan CreateDeadline { get; init; }

    /// <summary>How long one call may take.</summary>
    public TimeSpan CallTimeout { get => field == default ? TimeSpan.FromSeconds(30) : field; init; }
}

/// <summary>How listings find our marks.</summary>
public enum ListQuality
{
    /// <summary>Not said; treated as <see cref="None"/>.</summary>
    Unknown = 0,

    /// <summary>The platform filters by mark.</summary>
    ServerSide = 1,

    /// <summary>The driver filters over everything.</summary>
    ClientSide = 2,

    /// <summary>By a prefix of the name or description.</summary>
    ByName = 3,

    /// <summary>Not at all: only recorded ids are found.</summary>
    None = 4,
}

/// <summary>What can be wished for. The host refuses the rest with the field and the capability (law L11).</summary>
public sealed record Capabilities
{
    /// <summary>What stands for a subnet.</summary>
    public required SubnetSupport Subnets { get; init; }

    /// <summary>Where ingress rules are enforced.</summary>
    public required FirewallScope Firewall { get; init; }

    /// <summary>Address families that a network can have together.</summary>
    public required IpFamilySupport IpFamilies { get; init; }

    /// <summary>True when an instance's private address can be chosen. Default false.</summary>
    public bool ChoosesAddress { get; init; }

    /// <summary>True when an instance can have an address reachable from outside. Default false.</summary>
    public bool ExternalAddress { get; init; }

    /// <summary>Containers of one sandbox at most; 0 when there are no sandboxes.</summary>
    public int MaxContainers { get; init; }

    /// <summary>True when there are machines with a boot image. Default false.</summary>
    public bool VirtualMachines { get; init; }

    /// <summary>Data disks of one instance at most. Default 0.</summary>
    public int MaxDataDisks { get; init; }

    /// <summary>Interfaces of one instance at most. Default 1.</summary>
    public int MaxInterfaces { get => field == 0 ? 1 : field; init; }

    /// <summary>User data after encoding at most; 0 when there is none.</summary>
    public int MaxUserDataBytes { get; init; }

    /// <summary>True when user data may be gzip. Default false.</summary>
    public bool UserDataGzip { get; init; }

    /// <summary>How user data is read by the guests that this platform boots; empty when there is none.</summary>
    public ImmutableArray<UserDataForm> UserDataForms { get => field.IsDefault ? [] : field; init; }

    /// <summary>How secrets reach the guest; <see cref="SecretRoute.None"/> when they can't.</summary>
    public SecretRoute Secrets { get; init; }

    /// <summary>True when the guest's or containers' own health is reported. Default false.</summary>
    public bool GuestHealth { get; init; }

    /// <summary>What a mark can hold.</summary>
    public required MarkLimits Marks { get; init; }
}

/// <summary>What stands for a subnet.</summary>
public enum SubnetSupport
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>An object of its own: <see cref="IInfrastructureDriver.Subnets"/>.</summary>
    Separate = 1,

    /// <summary>The network holds the ranges itself (<see cref="NetworkSpec.Ranges"/>): one object for both.</summary>
    InNetwork = 2,

    /// <summary>Nothing: the platform hands out addresses as it likes.</summary>
    None = 3,
}

/// <summary>Where ingress rules are enforced.</summary>
public enum FirewallScope
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>By objects of their own, referred to by instances: <see cref="IInfrastructureDriver.Firewalls"/>.</summary>
    Separate = 1,

    /// <summary>At the instance: the rules come in <see cref="InterfaceSpec.Ingress"/>.</summary>
    Instance = 2,

    /// <summary>Inside the guest, by the bootstrap: the rules come in <see cref="InterfaceSpec.Ingress"/>.</summary>
    Guest = 3,

    /// <summary>Nowhere.</summary>
    None = 4,
}

/// <summary>Address families that a network can have.</summary>
public enum IpFamilySupport
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>IPv4 alone.</summary>
    IPv4Only = 1,

    /// <summary>IPv4, or both; never IPv6 alone.</summary>
    IPv4OrDual = 2,

    /// <summary>Either, or both.</summary>
    Any = 3,

    /// <summary>IPv6 alone.</summary>
    IPv6Only = 4,
}

/// <summary>How user data is written.</summary>
public enum UserDataForm
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>cloud-init's <c>#cloud-config</c>.</summary>
    CloudInit = 1,

    /// <summary>Ignition's JSON.</summary>
    Ignition = 2,
}

/// <summary>How secrets reach the guest.</summary>
public enum SecretRoute
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>The platform's secret store, read with the instance's identity: <see cref="IInfrastructureDriver.Secrets"/>.</summary>
    Store = 1,

    /// <summary>A channel of the platform into the guest.</summary>
    GuestChannel = 2,

    /// <summary>A seed medium that is removed again.</summary>
    SeedMedium = 3,

    /// <summary>User data, only with <see cref="Connection.AllowSecretsInUserData"/>.</summary>
    UserData = 4,
}

/// <summary>What a mark can hold.</summary>
public sealed record MarkLimits
{
    /// <summary>How marks are written.</summary>
    public required MarkStyle Style { get; init; }

    /// <summary>Characters of a value (or of a tag, or of the name) at most.</summary>
    public required int MaxLength { get; init; }
}

/// <summary>How marks are written.</summary>
public enum MarkStyle
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>Keys and values.</summary>
    KeyValue = 1,

    /// <summary>Flat tags.</summary>
    Tags = 2,

    /// <summary>The name or a description.</summary>
    NameOnly = 3,
}
