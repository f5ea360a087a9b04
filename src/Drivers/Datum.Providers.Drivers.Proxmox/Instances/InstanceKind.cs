using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>
/// An instance: a machine that is cloned from a template (or made from an imported image), configured, given its seed medium, started, and from
/// which the medium is taken once the guest has reported. One part: <c>server</c>. The medium's file is marked by its name and goes with it.
/// </summary>
internal sealed partial class InstanceKind(ProxmoxContext context) : IResourceDriver<InstanceSpec, InstanceFacts>
{
    public const string ServerPart = "server";
    private const string VmIdStep = "vmid";
    private const string ImageStep = "image";
    private const string ConfigStep = "config";
    private const string BootDiskStep = "boot-disk";
    private const string FirewallStep = "firewall";
    private const string SeedStep = "seed";
    private const string BootStep = "boot";
    private const string SecretsStep = "secrets";
    private const string EjectStep = "eject";
    private const string PowerStep = "power";
    private const string RestartStep = "restart";

    private readonly InstanceWish _wish = new(context);

    private PveApi Api => context.Api;

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired) => _wish.ValidateAsync(call, desired);

    public async ValueTask<Answer<Observation<InstanceFacts>>> ObserveAsync(Call call, Identity id, InstanceSpec? desired, Handle? handle)
    {
        var (task, first) = Handles.Read(handle);
        var work = await Api.LookAsync(call, task);
        if (work is { Error: { } lost, Status: OperationStatus.Unknown })
            return lost;
        // What is to go is looked at as a whole: it may be deletable now (DC-27).
        if (first && desired is not null && work?.Status == OperationStatus.Running)
            return AtWork(id, work);
        GuestRead? read = null;
        if (desired is not null && Handles.StartOf(handle) is { } start)
        {
            (var waiting, read, var failed) = await GlanceAsync(call, id, desired, start);
            if (failed is not null)
                return failed;
            if (waiting is not null)
                return waiting;
        }

        var found = await Machines.FindAsync(context, call, id, ServerPart);
        if (found.Error is not null)
            return found.Error;
        if (found.Candidates.Length > 0)
            return new Ambiguous<InstanceFacts> { Candidates = [.. found.Candidates.Select(c => new Part { Name = ServerPart, Id = c })] };
        if (found.Guest is null)
            return await MissingAsync(call, id, desired, found, work);
        // Of a machine that has moved the glance read nothing.
        if (found.Guest.Node != id.Resolved.GetValueOrDefault("node"))
            read = null;
        var (look, error) = await LookAsync(call, id, desired, found, work, read);
        return error is not null ? error : Seen(look! with { Awaited = Handles.IsGuest(handle) }, id, desired, work);
    }

    public async ValueTask<Outcome<InstanceFacts>> CreateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        var call = operation.Call;
        switch (operation.Step.Part)
        {
            case VmIdStep:
                return await ChooseAsync(call, id, desired);
            case ImageStep:
                return First(await DownloadAsync(call, id));
            case ServerPart:
                return First(await MakeAsync(call, id, desired));
            case ConfigStep:
                // Others' addresses are chosen past.
                return First(await WithServerAsync(call, id, found => ConfigureAsync(call, id, desired, found), whole: true));
            case BootDiskStep or FirewallStep or SeedStep or BootStep or SecretsStep or EjectStep:
                return First(await WithServerAsync(call, id, found => ChangeAsync(operation, id, desired, found)));
            default:
                return Failure(PveErrors.NoSuchStep(operation.Step));
        }
    }

    public async ValueTask<Outcome<InstanceFacts>> UpdateAsync(Operation operation, Identity id, InstanceSpec desired) =>
        operation.Step.Part is PowerStep or RestartStep or FirewallStep
            ? await WithServerAsync(operation.Call, id, found => ChangeAsync(operation, id, desired, found))
            : Failure(PveErrors.NoSuchStep(operation.Step));

    public async ValueTask<Outcome<InstanceFacts>> DeleteAsync(Operation operation, Identity id)
    {
        var part = operation.Step.Part;
        if (part is not (ServerPart or SeedStep))
            return Failure(PveErrors.NoSuchStep(operation.Step));
        var call = operation.Call;
        var found = await Machines.FindAsync(context, call, id, ServerPart);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Candidates.Length > 0)
            return Failure(PveErrors.Several(found.Candidates));
        if (found.Guest is not { } guest)
            return part == SeedStep ? await RemoveSeedAsync(call, id, null) : new Done<InstanceFacts>();
        if (found.State != MarkState.Ours)
            return Failure(PveErrors.NotOurs(guest.Id));
        return part == SeedStep ? await RemoveSeedAsync(call, id, found) : await TakeDownAsync(call, id, found);
    }

    /// <summary>What runs is asked to stop first. Then data disks are detached, which stay, the seed medium goes, and the machine with what is its own.</summary>
    private async ValueTask<Outcome<InstanceFacts>> TakeDownAsync(Call call, Identity id, FoundMachine found)
    {
        var (current, error, _) = await Api.GetAsync(call, found.Path + "/status/current");
        if (error is not null)
            return Failure(error);
        if (current.Text("status") == "running")
            return ToOutcome(await Api.ChangeAsync(call, Shutdown(found, Notes.Read(found.Config.Text("description"))?.Grace)));
        var borrowed = Borrowed(found).ToList();
        if (borrowed.Count > 0)
        {
            var detached = await Api.ChangeAsync(call, new PveForm().Set("delete", string.Join(',', borrowed.Select(d => d.Slot))).Put(found.Path + "/config"));
            if (detached.Error is { } held)
                return Failure(held);
        }

        return await RemoveSeedAsync(call, id, found) is Failed<InstanceFacts> stuck ? stuck
            : Machines.Removing<InstanceFacts>(await Api.ChangeAsync(call, Machines.Destroy(found)), found.Guest!.Id);
    }

    private async ValueTask<Outcome<InstanceFacts>> WithServerAsync(Call call, Identity id, Func<FoundMachine, ValueTask<Outcome<InstanceFacts>>> change, bool whole = false)
    {
        var found = await Machines.FindAsync(context, call, id, ServerPart, whole);
        if (found.Error is not null)
            return Failure(found.Error);
        if (found.Candidates.Length > 0)
            return Failure(PveErrors.Several(found.Candidates));
        if (found.Guest is null)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "The machine isn't there to be changed."));
        return found.State == MarkState.Ours ? await change(found) : Failure(PveErrors.NotOurs(found.Guest.Id));
    }

    /// <summary>Drives whose volume is another machine's: data disks, which stay.</summary>
    private static IEnumerable<Drive> Borrowed(FoundMachine found)
    {
        var own = $"vm-{Slices.Number(found.Guest!.VmId)}-";
        return Drives.All(found.Config).Where(d => !Drives.IsMedium(d) && !d.Volume.Contains(own, StringComparison.Ordinal) && d.Volume.Contains("vm-", StringComparison.Ordinal));
    }

    private static RestRequest Shutdown(FoundMachine found, int? grace) => new PveForm().Set("timeout", grace ?? 30).Set("forceStop", true).Post(found.Path + "/status/shutdown");

    /// <summary>Work on a step of the first boot says so in its handle.</summary>
    private static Outcome<InstanceFacts> First(Outcome<InstanceFacts> outcome) => outcome is Running<InstanceFacts> running && !Handles.IsGuest(running.Progress.Handle)
        ? running with { Progress = Handles.First(running.Progress) } : outcome;

    private static Outcome<InstanceFacts> ToOutcome(OperationLook look, ImmutableDictionary<string, string>? resolved = null) => look.Status switch
    {
        OperationStatus.Running => new Running<InstanceFacts> { Progress = look.Progress!, Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
        OperationStatus.Failed => Failure(look.Error!),
        _ => new Done<InstanceFacts> { Resolved = resolved ?? ImmutableDictionary<string, string>.Empty },
    };

    private static Failed<InstanceFacts> Failure(DriverError error) => new() { Error = error };
}
