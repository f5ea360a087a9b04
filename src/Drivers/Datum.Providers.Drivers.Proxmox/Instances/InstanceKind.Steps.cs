using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;
using Datum.Providers.Drivers.Proxmox.Seed;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>The steps of a machine that is there. Each can be repeated.</summary>
internal sealed partial class InstanceKind
{
    private async ValueTask<Outcome<InstanceFacts>> ChangeAsync(Operation operation, Identity id, InstanceSpec desired, FoundMachine found)
    {
        var call = operation.Call;
        switch (operation.Step.Part)
        {
            case BootDiskStep:
                return Drives.Boot(found.Config) is not { } boot ? Failure(PveErrors.Refused(ErrorCode.Failed, "The machine has no disk to boot from."))
                    : !IsSmall(boot, desired) ? new Done<InstanceFacts>() : ToOutcome(await Api.ChangeAsync(call, Grow(boot, desired, found)));
            case FirewallStep:
                return await WriteFirewallAsync(call, id, desired, found);
            case SeedStep:
                return await SeedAsync(call, id, desired, found);
            case BootStep:
                return await BootAsync(call, id, found);
            case SecretsStep:
                return await WriteSecretsAsync(call, desired, found);
            case EjectStep:
                return await EjectAsync(call, id, found);
            case RestartStep:
                return await RestartAsync(call, id, desired, found);
            default:
                return await PowerStepAsync(call, desired, found);
        }
    }

    /// <summary>Everything of the configuration at once, and the size of the boot disk: the machine has never run, so that all of it counts from its first start.</summary>
    private async ValueTask<Outcome<InstanceFacts>> ConfigureAsync(Call call, Identity id, InstanceSpec desired, FoundMachine found)
    {
        var guest = found.Guest!;
        var config = found.Config;
        var tags = VmMarks.Split(config.Text("tags"));
        var known = Notes.Read(config.Text("description"));
        if (known?.Booted == true || (known is not null && !NeedsAddresses(found, id, desired) && Addresses.Shared(found.View!, guest with { Tags = tags }).IsEmpty))
            return new Done<InstanceFacts>();
        // Somebody started what isn't configured: what is written now would count from its next start only.
        if (guest.IsRunning)
            return ToOutcome(await Api.ChangeAsync(call, RestRequest.Post(found.Path + "/status/stop")));
        var own = tags.Where(t => t.StartsWith("datum-", StringComparison.Ordinal)).ToList();
        var self = guest with { Tags = tags };
        var wanted = new List<string>(VmMarks.TagsOf(id));
        var form = new PveForm();
        for (var i = 0; i < desired.Interfaces.Length; i++)
        {
            var nic = desired.Interfaces[i];
            var (addresses, error) = Addresses.Choose(found.View!, self, id, nic, i, wanted);
            if (error is not null)
                return Failure(error);
            wanted.AddRange(addresses.Select(a => Addresses.Tag(Addresses.NetworkKey(nic.Network?.ProviderId)!, a.Address)));
            if (BridgeOf(desired, nic) is not { } bridge)
                return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, $"The network of interface {nic.Name} has no bridge yet."));
            form.Set(string.Create(CultureInfo.InvariantCulture, $"net{i}"), $"virtio={Addresses.Mac(id, i)},bridge={bridge},firewall=1");
        }

        var remove = config.Texts().Select(t => t.Key).Where(k => k.StartsWith("net", StringComparison.Ordinal) && int.TryParse(k.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= desired.Interfaces.Length).ToList();
        // Two media with the same label would be one too many for cloud-init.
        remove.AddRange(Drives.All(config).Where(Drives.IsCloudInit).Select(d => d.Slot));
        if (Drives.Boot(config) is not { } boot)
            return Failure(PveErrors.Refused(ErrorCode.Invalid, "The image has no disk to boot from.") with { Field = "images" });
        var slot = 0;
        var used = Drives.All(config).Select(d => d.Slot).ToHashSet(StringComparer.Ordinal);
        foreach (var disk in InstanceWish.DataDisks(desired))
        {
            var (volume, holder, error) = await VolumeAsync(call, disk, found.View!);
            if (error is not null)
                return Failure(error);
            wanted.Add(DiskKind.UseTag(holder!.VmId));
            var there = Drives.All(config).FirstOrDefault(d => d.Volume == volume)?.Slot;
            while (there is null && (slot++, used.Contains(string.Create(CultureInfo.InvariantCulture, $"scsi{slot}"))).Item2)
            {
            }

            form.Set(there ?? string.Create(CultureInfo.InvariantCulture, $"scsi{slot}"), $"{volume},serial={InstanceWish.Serial(disk.DeviceName)}");
        }

        var cores = id.Resolved.GetValueOrDefault("cores") ?? InstanceWish.SizeOf(desired.Size).Cores.ToString(CultureInfo.InvariantCulture);
        var memory = id.Resolved.GetValueOrDefault("memory") ?? InstanceWish.SizeOf(desired.Size).MemoryMiB.ToString(CultureInfo.InvariantCulture);
        var notes = new Notes { Spec = GuestFingerprint.Of(desired, _wish.Options(desired)), RestartedAt = desired.RestartedAt, Grace = desired.TerminationGraceSeconds, Ruled = !MachineFirewall.Plan(desired).IsEmpty };
        form.Set("cores", cores).Set("sockets", 1).Set("memory", memory).Set("balloon", 0).Set("cpu", context.Settings.CpuType)
            .Set("cpulimit", desired.Size.Native is null && desired.Size.CpuMillis % 1000 != 0 ? (desired.Size.CpuMillis / 1000m).ToString(CultureInfo.InvariantCulture) : null)
            .Set("agent", _wish.UsesAgent ? "enabled=1" : "enabled=0").Set("serial0", "socket").Set("onboot", true)
            .Set("boot", "order=" + boot.Slot)
            .Set("tags", string.Join(';', tags.Except(own, StringComparer.Ordinal).Concat(wanted).Distinct(StringComparer.Ordinal)))
            .Set("description", notes.Write(config.Text("description"), Marks.For(id), id.Hint))
            .Set("delete", remove.Count > 0 ? string.Join(',', remove.Distinct(StringComparer.Ordinal)) : null)
            .Set("digest", config.Text("digest"));
        var written = await Api.ChangeAsync(call, form.Put(found.Path + "/config"));
        if (written.Error is { } refused)
            return Failure(refused);
        if (!IsSmall(boot, desired))
            return new Done<InstanceFacts>();
        // With it, since both can be repeated (DC-30); whoever dies in between finds the disk as small as it is.
        return ToOutcome(await Api.ChangeAsync(call, Grow(boot, desired, found)));
    }

    private bool IsSmall(Drive boot, InstanceSpec desired) => PropertyText.SizeGiB(boot.Text) < _wish.BootGiB(desired);

    private RestRequest Grow(Drive boot, InstanceSpec desired, FoundMachine found) =>
        new PveForm().Set("disk", boot.Slot).Set("size", string.Create(CultureInfo.InvariantCulture, $"{_wish.BootGiB(desired)}G")).Put(found.Path + "/resize");

    /// <summary>Rules, and before them the note that there are some: looks read no rules of a machine that never had any of ours.</summary>
    private async ValueTask<Outcome<InstanceFacts>> WriteFirewallAsync(Call call, Identity id, InstanceSpec desired, FoundMachine found)
    {
        if (Notes.Read(found.Config.Text("description")) is { Ruled: false } notes && !MachineFirewall.Plan(desired).IsEmpty)
        {
            var look = await Api.ChangeAsync(call, new PveForm().Set("description", (notes with { Ruled = true }).Write(found.Config.Text("description"), Marks.For(id), id.Hint))
                .Set("digest", found.Config.Text("digest")).Put(found.Path + "/config"));
            if (look.Error is { } stuck)
                return Failure(stuck);
        }

        return await MachineFirewall.WriteAsync(Api, call, found.Path, desired) is { } refused ? Failure(refused) : new Done<InstanceFacts>();
    }

    private async ValueTask<Outcome<InstanceFacts>> SeedAsync(Call call, Identity id, InstanceSpec desired, FoundMachine found)
    {
        var (there, lost) = await IsUploadedAsync(call, id, found, null);
        if (lost is not null)
            return Failure(lost);
        if (there || Notes.Read(found.Config.Text("description"))?.Booted == true)
            return new Done<InstanceFacts>();
        var (guest, _, error) = await RenderAsync(call, desired);
        if (error is not null)
            return Failure(error);
        var (mtus, failed) = await MtusAsync(call, desired);
        if (failed is not null)
            return Failure(failed);
        var tags = VmMarks.Split(found.Config.Text("tags"));
        var image = SeedMedium.Write(id, desired, guest!.UserData, [.. desired.Interfaces.Select(nic => Addresses.Of(tags, nic))], mtus, context.Settings.NameServers);
        var node = found.Guest!.Node;
        var look = await Api.ChangeAsync(call, SeedMedium.Upload(node, context.Settings.IsoStorage, SeedMedium.FileName(id), image));
        // Its size tells a whole file from one that is being copied.
        return ToOutcome(look, ImmutableDictionary<string, string>.Empty.Add("seedNode", node).Add("seedSize", image.Length.ToString(CultureInfo.InvariantCulture)).Add("seedOf", Addresses.HashOf(tags)));
    }

    private async ValueTask<Outcome<InstanceFacts>> BootAsync(Call call, Identity id, FoundMachine found)
    {
        if (Notes.Read(found.Config.Text("description"))?.Booted == true)
            return new Done<InstanceFacts>();
        var medium = MediumOf(id);
        if (PropertyText.Find(found.Config.Text("ide2"), "file", "file") != medium)
        {
            var attached = await Api.ChangeAsync(call, new PveForm().Set("ide2", medium + ",media=cdrom").Put(found.Path + "/config"));
            if (attached.Error is { } refused)
                return Failure(refused);
        }

        return ToOutcome(await Api.ChangeAsync(call, RestRequest.Post(found.Path + "/status/start")));
    }

    private async ValueTask<Outcome<InstanceFacts>> WriteSecretsAsync(Call call, InstanceSpec desired, FoundMachine found)
    {
        var (guest, payloads, error) = await RenderAsync(call, desired);
        if (error is not null)
            return Failure(error);
        if (guest!.Secrets is not { } secrets)
            return new Done<InstanceFacts>();
        if (secrets.Length > ProxmoxDescriptor.MaxSecrets)
            return Failure(PveErrors.Refused(ErrorCode.Unsupported, $"The instance's secrets are {secrets.Length} bytes together and the guest agent takes {ProxmoxDescriptor.MaxSecrets}."));
        var content = Convert.ToBase64String(secrets.Span);
        var values = GuestPayloads.References(desired).Where(p => p.Secret).SelectMany(p => payloads.Find(p)?.Values ?? []).Select(v => Encoding.UTF8.GetString(v.Span)).Where(v => v.Length > 0);
        using var client = Api.Hiding([content, .. values]);
        var answer = await client.SendAsync(call, new PveForm().Set("file", InstanceWish.SecretsFile).Set("content", content).Set("encode", false).Post(found.Path + "/agent/file-write"));
        if (answer.Error is { } refused)
            return Failure(refused);
        return new Running<InstanceFacts> { Progress = ProxmoxContext.Working("the guest takes its secrets") with { Handle = Handles.Guest } };
    }

    /// <summary>The medium away and the note of it in one request; then its file, which the deletion of the machine finds too.</summary>
    private async ValueTask<Outcome<InstanceFacts>> EjectAsync(Call call, Identity id, FoundMachine found)
    {
        if (Notes.Read(found.Config.Text("description")) is not { } notes)
            return Failure(PveErrors.Refused(ErrorCode.PreconditionFailed, "The machine has no notes; look again."));
        if (notes.Booted == true)
            return new Done<InstanceFacts>();
        var look = await Api.ChangeAsync(call, new PveForm().Set("ide2", "none,media=cdrom").Set("description", (notes with { Booted = true }).Write(found.Config.Text("description"), Marks.For(id), id.Hint))
            .Set("digest", found.Config.Text("digest")).Put(found.Path + "/config"));
        if (look.Error is { } refused)
            return Failure(refused);
        var removed = await RemoveFileAsync(call, found.Guest!.Node, MediumOf(id));
        // What is left of it is found with the machine's deletion, and by the listing.
        return removed.Error is { } stuck && !IpSets.IsGone(stuck) ? new Failed<InstanceFacts> { Error = stuck }
            : new Running<InstanceFacts> { Progress = removed.Progress ?? ProxmoxContext.Working("the guest starts") with { Handle = Handles.Guest } };
    }

    private async ValueTask<Outcome<InstanceFacts>> PowerStepAsync(Call call, InstanceSpec desired, FoundMachine found)
    {
        var (current, error, _) = await Api.GetAsync(call, found.Path + "/status/current");
        if (error is not null)
            return Failure(error);
        var running = current.Text("status") == "running";
        return running == !desired.Suspended ? new Done<InstanceFacts>()
            : ToOutcome(await Api.ChangeAsync(call, running ? Shutdown(found, desired.TerminationGraceSeconds) : RestRequest.Post(found.Path + "/status/start")));
    }

    /// <summary>Stop, then write down that it was; starting is the power's step. Whoever dies in between goes on at the same place.</summary>
    private async ValueTask<Outcome<InstanceFacts>> RestartAsync(Call call, Identity id, InstanceSpec desired, FoundMachine found)
    {
        var notes = Notes.Read(found.Config.Text("description")) ?? new Notes();
        if (desired.RestartedAt is not { } at || notes.RestartedAt == at)
            return new Done<InstanceFacts>();
        var (current, error, _) = await Api.GetAsync(call, found.Path + "/status/current");
        if (error is not null)
            return Failure(error);
        if (current.Text("status") == "running")
            return ToOutcome(await Api.ChangeAsync(call, Shutdown(found, desired.TerminationGraceSeconds)));
        return ToOutcome(await Api.ChangeAsync(call, new PveForm().Set("description", (notes with { RestartedAt = at }).Write(found.Config.Text("description"), Marks.For(id), id.Hint))
            .Set("digest", found.Config.Text("digest")).Put(found.Path + "/config")));
    }

    private async ValueTask<(GuestBootstrap? Guest, GuestPayloads Payloads, DriverError? Error)> RenderAsync(Call call, InstanceSpec desired)
    {
        var payloads = GuestPayloads.Empty;
        if (GuestPayloads.References(desired).Any())
        {
            if (call.Payloads is null)
                return (null, payloads, PveErrors.Refused(ErrorCode.Invalid, "The call brings no payloads, but the instance names some."));
            payloads = await GuestPayloads.ReadAsync(call, desired);
            if (GuestPayloads.References(desired).FirstOrDefault(p => !p.Optional && payloads.Find(p) is null) is { } missing)
                return (null, payloads, PveErrors.Refused(ErrorCode.Invalid, $"The {(missing.Secret ? "secret" : "config map")} {missing.Name} isn't there."));
        }

        var guest = GuestBootstrap.Render(desired, payloads, _wish.Options(desired));
        var refusal = guest.Findings.FirstOrDefault(f => !f.Tolerated);
        return refusal is null ? (guest, payloads, null)
            : (null, payloads, PveErrors.Refused(refusal.Capability is null ? ErrorCode.Invalid : ErrorCode.Unsupported, refusal.Message) with { Field = refusal.Path });
    }

    /// <summary>The MTU of each interface's network, which its alias or comment holds.</summary>
    private async ValueTask<(int?[] Mtus, DriverError? Error)> MtusAsync(Call call, InstanceSpec desired)
    {
        ImmutableArray<Vnet> vnets = [];
        ImmutableArray<IpSet> claims = [];
        DriverError? error = null;
        if (desired.Interfaces.Any(n => NetworkKind.VnetOf(n.Network?.ProviderId) is not null))
            (vnets, error) = await SdnReads.VnetsAsync(Api, call);
        if (error is null && desired.Interfaces.Any(n => BridgeClaims.IsClaim(n.Network?.ProviderId)))
            (claims, error) = await IpSets.AllAsync(Api, call);
        return ([.. desired.Interfaces.Select(n => vnets.FirstOrDefault(v => v.Id == n.Network?.ProviderId)?.Mtu ?? BridgeClaims.Read(claims.FirstOrDefault(c => c.Id == n.Network?.ProviderId)?.Comment).Mtu)], error);
    }
}
