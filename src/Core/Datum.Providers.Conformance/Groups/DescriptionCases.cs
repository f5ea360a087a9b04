using System.Reflection;
using System.Text.Json;

namespace Datum.Providers.Conformance;

/// <summary>CK-001 to CK-019: factory, descriptor and schemas. No platform is touched.</summary>
[CaseGroup(KitGroup.Description)]
internal static class DescriptionCases
{
    [Case(1, "Describe gives the same answer each time, from any factory", "DC-1")]
    public static Task Describe_is_pure(CaseRun run)
    {
        var factory = run.World.Factory;
        var first = Show.Json(factory.Describe());
        CaseRun.Expect(first == Show.Json(factory.Describe()), "A second Describe of the same factory answers otherwise.");
        CaseRun.Expect(first == Show.Json(run.World.Factory.Describe()), "Describe of another factory answers otherwise.");
        CaseRun.Expect(run.Faults.Requests.IsEmpty && run.Host.CredentialReads == 0, "Describe sent a request or read a credential.");
        return Task.CompletedTask;
    }

    [Case(2, "The factory is public and has a public constructor without parameters that works and does nothing", "DC-2")]
    public static Task Factory_can_be_made(CaseRun run)
    {
        var type = run.World.Factory.GetType();
        CaseRun.Expect(type.IsVisible, $"{type} isn't public; the host couldn't make it.");
        CaseRun.Expect(type.GetConstructor(BindingFlags.Public | BindingFlags.Instance, []) is not null, $"{type} has no public constructor without parameters.");
        try
        {
            var made = (IDriverFactory)Activator.CreateInstance(type)!;
            CaseRun.Expect(made.Describe().Id == run.Descriptor.Id, "A factory made as the host makes it describes another driver.");
        }
        catch (TargetInvocationException e)
        {
            throw new CaseFailedException($"The constructor of {type} threw {e.InnerException?.Message}.");
        }

        return Task.CompletedTask;
    }

    [Case(3, "Id, version and location key are well formed", "DC-1")]
    public static Task Names_are_well_formed(CaseRun run)
    {
        var d = run.Descriptor;
        CaseRun.Expect(d.Id.Length is >= 1 and <= 40 && d.Id.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'), $"Id '{d.Id}' isn't 1 to 40 of [a-z0-9-].");
        var core = d.Version.Split('-', '+')[0].Split('.');
        CaseRun.Expect(core.Length == 3 && core.All(n => n.Length > 0 && n.All(char.IsAsciiDigit)), $"Version '{d.Version}' isn't semantic (major.minor.patch).");
        CaseRun.Expect(d.LocationKey.Length > 0 && d.LocationKey.All(char.IsAsciiLetterOrDigit), $"LocationKey '{d.LocationKey}' can't be a field of a Location.");
        return Task.CompletedTask;
    }

    [Case(4, "The location schema is a structural object schema without addresses", "DC-1")]
    public static Task Location_schema(CaseRun run)
    {
        SchemaCheck.Structural(run.Descriptor.LocationSchema, "LocationSchema");
        CaseRun.Expect(!run.Descriptor.LocationSchema.Contains("\"format\":\"uri\"", StringComparison.Ordinal), "LocationSchema has a field of format uri; URLs belong to the ProviderConfig.");
        return Task.CompletedTask;
    }

    [Case(5, "The settings schema is a structural object schema", "DC-1")]
    public static Task Settings_schema(CaseRun run)
    {
        SchemaCheck.Structural(run.Descriptor.SettingsSchema, "SettingsSchema");
        return Task.CompletedTask;
    }

    [Case(6, "Session scope, sharing scope and list partition name fields of the location schema", "DC-4")]
    public static Task Scopes_are_fields(CaseRun run)
    {
        using var schema = JsonDocument.Parse(run.Descriptor.LocationSchema);
        var fields = schema.RootElement.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().Select(p => p.Name).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var field in run.Descriptor.SessionScope)
            CaseRun.Expect(fields.Contains(field), $"SessionScope names {field}, which the location schema doesn't have.");
        foreach (var kind in run.Descriptor.Kinds)
        {
            CaseRun.Expect(kind.ListPartition is null || fields.Contains(kind.ListPartition), $"{kind.Kind}: ListPartition {kind.ListPartition} isn't in the location schema.");
            foreach (var field in kind.SharingScope)
                CaseRun.Expect(fields.Contains(field), $"{kind.Kind}: SharingScope names {field}, which the location schema doesn't have.");
        }

        return Task.CompletedTask;
    }

    [Case(7, "Each kind is described once and is one that the contract knows", "DC-1 DC-94")]
    public static Task Kinds_are_unique(CaseRun run)
    {
        CaseRun.Expect(!run.Descriptor.Kinds.IsDefaultOrEmpty, "The descriptor names no kind: the driver can do nothing.");
        foreach (var kind in run.Descriptor.Kinds)
            CaseRun.Expect(kind.Kind != ResourceKind.Unknown && Enum.IsDefined(kind.Kind), $"{kind.Kind} is no kind of the contract.");
        CaseRun.Expect(run.Descriptor.Kinds.Select(k => k.Kind).Distinct().Count() == run.Descriptor.Kinds.Length, "A kind is described twice.");
        return Task.CompletedTask;
    }

    [Case(8, "Each kind declares a create class, and tokens that live for a while where they are the means", "DC-33 DC-40")]
    public static Task Create_classes(KindRun run)
    {
        var kind = run.Descriptor;
        KindRun.Expect(kind.CreateClass != CreateClass.Unknown && Enum.IsDefined(kind.CreateClass), "CreateClass isn't said: the host would treat every create as Manual.");
        KindRun.Expect(kind.CreateClass != CreateClass.Token || kind.TokenLife > TimeSpan.Zero, "CreateClass is Token but TokenLife is zero: a token would never prove anything.");
        KindRun.Expect(kind.TokenLife >= TimeSpan.Zero, "TokenLife is negative.");
        return Task.CompletedTask;
    }

    [Case(9, "Windows, deadlines and timeouts of each kind are sensible", "DC-62 DC-83")]
    public static Task Times(KindRun run)
    {
        var kind = run.Descriptor;
        KindRun.Expect(kind.ConsistencyWindow >= TimeSpan.Zero && kind.ConsistencyWindow <= TimeSpan.FromHours(1), $"ConsistencyWindow is {kind.ConsistencyWindow}.");
        KindRun.Expect(kind.TypicalCreate > TimeSpan.Zero, $"TypicalCreate is {kind.TypicalCreate}.");
        KindRun.Expect(kind.CreateDeadline >= kind.TypicalCreate, $"CreateDeadline {kind.CreateDeadline} is before TypicalCreate {kind.TypicalCreate}.");
        KindRun.Expect(kind.CallTimeout > TimeSpan.Zero && kind.CallTimeout <= TimeSpan.FromMinutes(10), $"CallTimeout is {kind.CallTimeout}.");
        return Task.CompletedTask;
    }

    [Case(10, "Each kind says how listings find our marks, and one found by mark can be listed", "DC-56 DC-61")]
    public static Task List_quality(KindRun run)
    {
        var kind = run.Descriptor;
        KindRun.Expect(kind.ListQuality != ListQuality.Unknown && Enum.IsDefined(kind.ListQuality), "ListQuality isn't said.");
        KindRun.Expect(kind.CreateClass != CreateClass.Marked || kind.ListQuality is ListQuality.ServerSide or ListQuality.ClientSide or ListQuality.ByName,
            $"CreateClass is Marked, but nothing is found by its mark (ListQuality {kind.ListQuality}).");
        return Task.CompletedTask;
    }

    [Case(11, "Updatable paths are well formed, without keys in brackets and without repetition", "DC-76")]
    public static Task Updatable_paths(KindRun run)
    {
        var paths = run.Descriptor.UpdatablePaths;
        foreach (var path in paths)
            KindRun.Expect(path.Length > 0 && path.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '*') && char.IsAsciiLetterLower(path[0]), $"UpdatablePaths holds '{path}'.");
        KindRun.Expect(paths.Distinct(StringComparer.Ordinal).Count() == paths.Length, "UpdatablePaths names a path twice.");
        return Task.CompletedTask;
    }

    [Case(12, "Updatable paths are fields of the kind's spec", "DC-76")]
    public static Task Updatable_paths_exist(KindRun run)
    {
        var spec = SchemaCheck.SpecOf(run.Kind);
        foreach (var path in run.Descriptor.UpdatablePaths)
            KindRun.Expect(SchemaCheck.HasPath(spec, path), $"UpdatablePaths names {path}, which {spec.Name} doesn't have.");
        return Task.CompletedTask;
    }

    [Case(13, "Capabilities agree with the kinds: what stands for subnets, firewalls and secrets is there", "DC-1")]
    public static Task Capabilities_agree(CaseRun run)
    {
        var c = run.Descriptor.Capabilities;
        Agree(c.Subnets == SubnetSupport.Separate, ResourceKind.Subnet, $"Capabilities.Subnets is {c.Subnets}");
        Agree(c.Firewall == FirewallScope.Separate, ResourceKind.Firewall, $"Capabilities.Firewall is {c.Firewall}");
        Agree(c.MaxDataDisks > 0, ResourceKind.Disk, $"Capabilities.MaxDataDisks is {c.MaxDataDisks}");
        CaseRun.Expect(c.Secrets != SecretRoute.Store || Has(ResourceKind.Secret), "Capabilities.Secrets is Store, but the kind Secret isn't described.");
        CaseRun.Expect(c.Subnets != SubnetSupport.InNetwork || run.Descriptor.RangeOrder == RangeOrder.RangeFirst, "Networks hold their subnets' ranges, so RangeOrder has to be RangeFirst.");
        return Task.CompletedTask;

        bool Has(ResourceKind kind) => run.Descriptor.Kinds.Any(k => k.Kind == kind);

        void Agree(bool capability, ResourceKind kind, string says) =>
            CaseRun.Expect(capability == Has(kind), $"{says}, but the kind {kind} is {(Has(kind) ? "" : "not ")}described.");
    }

    [Case(14, "Every capability that is an enumeration is said, and limits aren't negative", "DC-94")]
    public static Task Capabilities_are_said(CaseRun run)
    {
        var c = run.Descriptor.Capabilities;
        CaseRun.Expect(run.Descriptor.RangeOrder != RangeOrder.Unknown, "RangeOrder isn't said.");
        CaseRun.Expect(c.Subnets != SubnetSupport.Unknown, "Capabilities.Subnets isn't said.");
        CaseRun.Expect(c.Firewall != FirewallScope.Unknown, "Capabilities.Firewall isn't said.");
        CaseRun.Expect(c.IpFamilies != IpFamilySupport.Unknown, "Capabilities.IpFamilies isn't said.");
        CaseRun.Expect(c.Marks is { Style: not MarkStyle.Unknown, MaxLength: > 0 }, "Capabilities.Marks isn't said.");
        CaseRun.Expect(c.MaxContainers >= 0 && c.MaxDataDisks >= 0 && c.MaxInterfaces > 0 && c.MaxUserDataBytes >= 0, "A limit of the capabilities is negative.");
        return Task.CompletedTask;
    }

    [Case(15, "A driver of instances runs sandboxes or machines, and user data that is taken has a form", "DC-1")]
    public static Task Instances_are_something(CaseRun run)
    {
        var c = run.Descriptor.Capabilities;
        if (run.Descriptor.Kinds.Any(k => k.Kind == ResourceKind.Instance))
            CaseRun.Expect(c.MaxContainers > 0 || c.VirtualMachines, "The driver has instances, but neither sandboxes (MaxContainers) nor VirtualMachines.");
        CaseRun.Expect(c.MaxUserDataBytes == 0 == c.UserDataForms.IsDefaultOrEmpty, $"MaxUserDataBytes is {c.MaxUserDataBytes}, but UserDataForms names {c.UserDataForms.Length} forms.");
        CaseRun.Expect(c.Secrets != SecretRoute.UserData || c.MaxUserDataBytes > 0, "Secrets go by user data, but there is none.");
        return Task.CompletedTask;
    }

    [Case(16, "Credential keys are named once and described", "DC-1")]
    public static Task Credential_keys(CaseRun run)
    {
        var keys = run.Descriptor.CredentialKeys;
        foreach (var key in keys)
        {
            CaseRun.Expect(key.Key.Length > 0 && key.Key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'), $"'{key.Key}' can't be a key of a Secret.");
            CaseRun.Expect(!string.IsNullOrWhiteSpace(key.Description), $"Credential key {key.Key} isn't described.");
        }

        CaseRun.Expect(keys.Select(k => k.Key).Distinct(StringComparer.Ordinal).Count() == keys.Length, "A credential key is named twice.");
        return Task.CompletedTask;
    }

    [Case(17, "Abilities are named once and known to the contract", "DC-100 DC-94")]
    public static Task Abilities_are_known(CaseRun run)
    {
        var abilities = run.Descriptor.Abilities;
        foreach (var ability in abilities)
            CaseRun.Expect(ability != Ability.Unknown && Enum.IsDefined(ability), $"{ability} is no ability of the contract.");
        CaseRun.Expect(abilities.Distinct().Count() == abilities.Length, "An ability is named twice.");
        return Task.CompletedTask;
    }

    [Case(18, "Egress names hosts, without scheme, path or space", "DC-1")]
    public static Task Egress(CaseRun run)
    {
        foreach (var host in run.Descriptor.Egress)
        {
            var name = host.TrimStart('*', '.');
            var port = name.LastIndexOf(':');
            if (port > 0 && ushort.TryParse(name[(port + 1)..], out _))
                name = name[..port];
            CaseRun.Expect(Uri.CheckHostName(name) != UriHostNameType.Unknown, $"Egress names '{host}', which is no host.");
        }

        return Task.CompletedTask;
    }

    [Case(19, "The driver was built for this contract's major version and no later minor", "DC-90")]
    public static Task Contract_version(CaseRun run)
    {
        var built = run.World.Factory.GetType().Assembly.GetReferencedAssemblies().FirstOrDefault(a => a.Name == typeof(IDriverFactory).Assembly.GetName().Name)?.Version
            ?? throw new CaseFailedException("The driver's assembly doesn't refer to the contract.");
        CaseRun.Expect(built.Major == Contract.Version.Major && built.Minor <= Contract.Version.Minor, $"The driver was built for contract {built.ToString(2)}, the kit's is {Contract.Version}.");
        return Task.CompletedTask;
    }
}
