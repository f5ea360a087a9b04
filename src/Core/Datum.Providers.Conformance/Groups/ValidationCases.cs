namespace Datum.Providers.Conformance;

/// <summary>CK-030 to CK-039: findings about wishes.</summary>
[CaseGroup(KitGroup.Validation)]
internal static class ValidationCases
{
    [Case(30, "A wish that the platform fulfils has no finding that refuses it", "DC-14 L11")]
    public static async Task Valid_wishes_pass(KindRun run)
    {
        var verbs = await run.VerbsAsync();
        foreach (var (name, spec) in await WishesAsync(run))
        {
            var refusing = (await verbs.ValidateAsync(spec)).Where(f => !f.Tolerated).ToList();
            KindRun.Expect(refusing.Count == 0, $"The {name} sample is refused: {string.Join("; ", refusing.Select(Show.Of))}");
        }
    }

    [Case(31, "A wish that can't be fulfilled is refused at its path, with the capability where there is one", "DC-14 L11")]
    public static async Task Invalid_wishes_are_refused(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var verbs = await run.VerbsAsync();
        foreach (var sample in Invalid(run))
        {
            var findings = (await verbs.ValidateAsync(sample.Spec(resource.Context))).Where(f => !f.Tolerated).ToList();
            foreach (var path in sample.Paths)
            {
                var hit = findings.Where(f => Paths.WithoutKeys(f.Path) == Paths.WithoutKeys(path)).ToList();
                KindRun.Expect(hit.Count > 0, $"{sample.Why}: nothing is found at {path}; found: {string.Join("; ", findings.Select(Show.Of))}");
                KindRun.Expect(sample.Capability is null || hit.Any(f => f.Capability == sample.Capability), $"{sample.Why}: the finding at {path} doesn't name capability {sample.Capability}.");
            }
        }
    }

    [Case(32, "Findings have a path and a sentence each, and are the same when asked again", "DC-14 DC-12")]
    public static async Task Findings_are_readable(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var verbs = await run.VerbsAsync();
        foreach (var sample in Invalid(run))
        {
            var spec = sample.Spec(resource.Context);
            var findings = await verbs.ValidateAsync(spec);
            foreach (var finding in findings)
            {
                KindRun.Expect(finding.Path.Length > 0 && !char.IsAsciiLetterUpper(finding.Path[0]), $"{sample.Why}: '{finding.Path}' is no path of a spec (camelCase).");
                KindRun.Expect(finding.Message.Trim().Contains(' ', StringComparison.Ordinal), $"{sample.Why}: '{finding.Message}' is no sentence.");
            }

            var again = await verbs.ValidateAsync(spec);
            KindRun.Expect(findings.Select(Show.Of).SequenceEqual(again.Select(Show.Of), StringComparer.Ordinal), $"{sample.Why}: asked again, the findings are others.");
        }
    }

    [Case(33, "A wish with two faults is told both at once", "DC-14")]
    public static async Task All_faults_at_once(KindRun run)
    {
        if (run.Kind is not (ResourceKind.Disk or ResourceKind.Firewall or ResourceKind.Instance))
            throw new NotApplicableException("Wishes of this kind are too small to hold two faults of any driver.");
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var verbs = await run.VerbsAsync();
        (ResourceSpec spec, string[] paths) = resource.Spec switch
        {
            DiskSpec disk => (disk with { SizeGiB = 0, Type = "conformance-no-such-type" }, new[] { "sizeGiB", "type" }),
            FirewallSpec firewall => ((ResourceSpec)(firewall with
            {
                Ingress = [new() { Protocol = "CONFORMANCE", Source = "10.0.0.0/8" }, new() { Protocol = "TCP", Port = 80, Source = "nowhere" }],
            }), new[] { "ingress.protocol", "ingress.source" }),
            InstanceSpec instance => (instance with { Sandbox = null, Machine = null, Interfaces = [] }, new[] { "sandbox", "interfaces" }),
            _ => throw new CaseFailedException($"The sample of {run.Kind} is {resource.Spec.GetType().Name}."),
        };
        var found = (await verbs.ValidateAsync(spec)).Select(f => Paths.WithoutKeys(f.Path)).ToList();
        foreach (var path in paths)
            KindRun.Expect(found.Contains(path), $"Nothing is found at {path}; found: {string.Join(", ", found)}");
    }

    [Case(34, "Validation changes nothing at the platform", "DC-14", Needs = [typeof(ICensus)])]
    public static async Task Validation_changes_nothing(KindRun run)
    {
        var verbs = await run.VerbsAsync();
        var wishes = await WishesAsync(run);
        var before = (await run.Run.Need<ICensus>().CountAsync()).Select(o => o.Id + o.Revision).Order(StringComparer.Ordinal).ToList();
        var requests = run.Faults.Requests.Length;
        foreach (var (_, spec) in wishes)
            await verbs.ValidateAsync(spec);
        KindRun.Expect(run.Faults.Requests.Skip(requests).All(r => r.Verb != "validate" || !r.Mutation), "ValidateAsync sent a request that changes something.");
        var after = (await run.Run.Need<ICensus>().CountAsync()).Select(o => o.Id + o.Revision).Order(StringComparer.Ordinal).ToList();
        KindRun.Expect(before.SequenceEqual(after, StringComparer.Ordinal), "ValidateAsync changed the platform.");
    }

    [Case(35, "Validation needs no reference to be filled in", "DC-14 DC-18")]
    public static async Task References_may_be_open(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        if (run.Sample.Needs.IsEmpty && run.Sample.NeedsOwn.IsEmpty)
            throw new NotApplicableException("The sample refers to nothing.");
        var refusing = (await (await run.VerbsAsync()).ValidateAsync(resource.Spec)).Where(f => !f.Tolerated).ToList();
        KindRun.Expect(refusing.Count == 0, $"Refused because what it refers to isn't built yet: {string.Join("; ", refusing.Select(Show.Of))}");
    }

    [Case(36, "More containers, interfaces and data disks than the capabilities allow are refused", "DC-14 L11", Kinds = [ResourceKind.Instance])]
    public static async Task Limits_are_kept(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var spec = (InstanceSpec)resource.Spec;
        var limits = run.Run.Descriptor.Capabilities;
        var verbs = await run.VerbsAsync();
        var nic = spec.Interfaces.FirstOrDefault() ?? throw new NotApplicableException("The sample has no interface.");
        await RefusedAsync(spec with { Interfaces = [.. Enumerable.Range(0, limits.MaxInterfaces + 1).Select(i => nic with { Name = $"eth{i}" })] }, "interfaces");
        if (spec.Sandbox is { } sandbox)
            await RefusedAsync(spec with { Sandbox = sandbox with { Containers = [.. Enumerable.Range(0, limits.MaxContainers + 1).Select(i => sandbox.Containers[0] with { Name = $"c{i}" })] } }, "sandbox.containers");
        var disk = new Reference { Name = new string('d', 32) };
        await RefusedAsync(spec with
        {
            Volumes = [.. spec.Volumes.Where(v => v.Disk?.Disk is null), .. Enumerable.Range(0, limits.MaxDataDisks + 1).Select(i => new VolumeSpec { Name = $"d{i}", Disk = new DiskVolume { Disk = disk, DeviceName = $"d{i}" } })],
        }, "volumes");

        async Task RefusedAsync(InstanceSpec wish, string path)
        {
            var found = (await verbs.ValidateAsync(wish)).Where(f => !f.Tolerated).Select(f => Paths.WithoutKeys(f.Path)).ToList();
            KindRun.Expect(found.Any(f => f == path || f.StartsWith(path + ".", StringComparison.Ordinal)), $"One more than the capabilities allow at {path} isn't refused; found: {string.Join(", ", found)}");
        }
    }

    [Case(37, "What the capabilities leave out is refused: machines, sandboxes, rules at the instance", "DC-14 L11", Kinds = [ResourceKind.Instance])]
    public static async Task Missing_capabilities_are_refused(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var spec = (InstanceSpec)resource.Spec;
        var limits = run.Run.Descriptor.Capabilities;
        var verbs = await run.VerbsAsync();
        var asked = 0;
        if (!limits.VirtualMachines)
            await RefusedAsync(spec with { Sandbox = null, Machine = new MachineSpec { BootVolume = "boot" }, Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datumcloud/debian-13", DeviceName = "boot" } }] }, "a machine");
        if (limits.MaxContainers == 0)
            await RefusedAsync(spec with { Machine = null, Sandbox = new SandboxSpec { Containers = [new ContainerSpec { Name = "a", Image = "i" }] } }, "a sandbox");
        if (limits.Firewall is FirewallScope.Separate or FirewallScope.None && !run.World.Connection.AllowUnenforcedPolicies && spec.Interfaces.Length > 0)
            await RefusedAsync(spec with { Interfaces = [spec.Interfaces[0] with { Ingress = [new IngressRule { Source = "10.0.0.0/8" }] }] }, "rules that aren't enforced at the instance");
        if (!limits.ChoosesAddress && spec.Interfaces.Length > 0)
            await RefusedAsync(spec with { Interfaces = [spec.Interfaces[0] with { Addresses = ["10.128.0.99"] }] }, "a chosen address");
        if (asked == 0)
            throw new NotApplicableException("The capabilities leave nothing out.");

        async Task RefusedAsync(InstanceSpec wish, string what)
        {
            asked++;
            KindRun.Expect((await verbs.ValidateAsync(wish)).Any(f => !f.Tolerated), $"The capabilities leave out {what}, but nothing is found.");
        }
    }

    [Case(38, "Findings are tolerated only where the ProviderConfig allows it", "DC-14")]
    public static async Task Nothing_is_tolerated_by_itself(KindRun run)
    {
        var connection = run.World.Connection;
        if (connection.AllowUnenforcedPolicies || connection.AllowUnenforcedDiskSize)
            throw new NotApplicableException("The world's connection allows unenforced wishes.");
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var verbs = await run.VerbsAsync();
        foreach (var spec in (IEnumerable<ResourceSpec>)[resource.Spec, .. run.Sample.Invalid.Select(i => i.Spec(resource.Context))])
            foreach (var finding in await verbs.ValidateAsync(spec))
                KindRun.Expect(!finding.Tolerated, $"Tolerated although nothing allows it: {Show.Of(finding)}");
    }

    private static ImmutableArray<InvalidSample> Invalid(KindRun run) => run.Sample.Invalid.IsEmpty
        ? throw new NotApplicableException($"Nothing invalid can be wished for: {run.Sample.NothingInvalid}")
        : run.Sample.Invalid;

    private static async Task<ImmutableArray<(string Name, ResourceSpec Spec)>> WishesAsync(KindRun run)
    {
        var resource = await run.Run.PrepareAsync(run.Kind, build: false);
        var wishes = ImmutableArray.Create(("valid", resource.Spec));
        if (run.Sample.InPlace is { } inPlace)
            wishes = wishes.Add(("in-place", inPlace(resource.Context)));
        return run.Sample.Replacement is { } replacement ? wishes.Add(("replacement", replacement(resource.Context))) : wishes;
    }
}

/// <summary>Paths as findings and drift write them.</summary>
internal static class Paths
{
    /// <summary>Without what stands in brackets: <c>interfaces[eth0].firewalls</c> is <c>interfaces.firewalls</c>.</summary>
    public static string WithoutKeys(string path)
    {
        var text = new System.Text.StringBuilder(path.Length);
        var depth = 0;
        foreach (var c in path)
        {
            depth += c == '[' ? 1 : 0;
            if (depth == 0)
                text.Append(c);
            depth -= c == ']' ? 1 : 0;
        }

        return text.ToString();
    }
}
