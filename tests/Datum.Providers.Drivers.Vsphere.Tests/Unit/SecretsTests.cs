using System.Text;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using static Datum.Providers.Drivers.Vsphere.Tests.Unit.SecretsLife;

namespace Datum.Providers.Drivers.Vsphere.Tests.Unit;

/// <summary>Secrets go on a medium that is there from before the first start until the guest has them, and no longer, whoever dies when.</summary>
public sealed class SecretsTests
{
    private static readonly string[] Way = ["Create server", "Create guest", "Create secrets", "Create power", "Create eject", "Create wipe", "Create wipe"];

    [Test]
    public async Task A_guest_gets_its_secrets_from_a_medium_that_is_gone_once_it_has_them()
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "power");
        var file = bench.Cloud.Uploads.Single();
        var machine = bench.Cloud.Machines.Single(m => m.Name.StartsWith("ins-", StringComparison.Ordinal));
        var drive = machine.Config.Descendants(Soap.Vim + "device").Single(d => Soap.TypeOf(d) == "VirtualCdrom");
        Assert.Multiple(() =>
        {
            Assert.That(file, Is.EqualTo($"[LocalDS_0] {machine.Name}/datum-inst1-ins-{id.Name}-1.iso"), "It is in the machine's own folder, and its name is its mark.");
            Assert.That(SeedReader.Label(bench.Cloud.FileContent(file)), Is.EqualTo("DATUMSECRET"));
            Assert.That(Encoding.UTF8.GetString(SeedReader.Read(bench.Cloud.FileContent(file))["secrets.tar"]), Does.Contain(Canary));
            Assert.That(drive.Get("backing")!.Text("fileName"), Is.EqualTo(file));
            Assert.That(machine.PowerState, Is.EqualTo("poweredOff"));
        });
        var (built, seen, steps) = await bench.Build(verbs, id, spec);
        machine = bench.At(built)!;
        Assert.Multiple(() =>
        {
            Assert.That(steps, Is.EqualTo(Way[3..]));
            Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
            Assert.That(bench.Cloud.SecretsOf(machine.Reference), Is.EqualTo("active"));
            Assert.That(bench.Cloud.Uploads, Is.Empty);
            Assert.That(machine.Options.Keys, Has.No.Member("datum.secrets"));
            Assert.That(machine.Config.ToString(), Does.Not.Contain(".iso").And.Not.Contains(Canary));
            Assert.That(built.Resolved["secretsGone"], Is.EqualTo(built.Resolved["secretsFile"]));
            Assert.That((bench.Cloud.Count("PUT folder"), bench.Cloud.Count("DeleteDatastoreFile_Task")), Is.EqualTo((1, 1)));
        });
        var before = bench.Cloud.Calls.Count;
        Assert.That(await bench.Observe(verbs, built, spec), Is.InstanceOf<Present<InstanceFacts>>().With.Property("Next").Null);
        Assert.That(bench.Cloud.Calls.Count - before, Is.EqualTo(2), "From then on a look costs what it did.");
    }

    /// <summary>Who may edit a machine's options needs no right on datastores for that: the driver's own must not be lent.</summary>
    [Test]
    public async Task A_note_that_names_anothers_file_deletes_nothing([Values("wanted", "taken")] string word)
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var other = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance, 2), spec, "power");
        var victim = bench.Cloud.Uploads.Single();
        var (id, _, _) = await bench.Build(verbs, Bench.Id(ResourceKind.Instance), spec);
        Assert.That(bench.Cloud.SetOption(bench.At(id)!.Reference, "datum.secrets", $"{word} DC0 {victim}"));
        Assert.That(await bench.Observe(verbs, id, spec), Is.InstanceOf<Present<InstanceFacts>>().With.Property("Next").Null);
        await bench.TakeDown(verbs, id);
        Assert.That(bench.Cloud.Uploads, Is.EqualTo(new[] { victim }));
        await bench.TakeDown(verbs, other);
        Assert.That(bench.Cloud.Uploads, Is.Empty);
    }

    /// <summary>Each request that the medium takes, lost before or after its effect, or failing in its task; the next host knows only what was recorded.</summary>
    [Test]
    public async Task Whoever_dies_in_between_leaves_nothing_behind_and_starts_nothing_without(
        [Values("PUT folder", "HEAD folder", "ReconfigVM_Task", "PowerOnVM_Task", "DeleteDatastoreFile_Task")] string operation, [Values] FaultMoment moment, [Values(1, 2, 3, 4)] int nth, [Values] bool deletes)
    {
        var isTask = operation.EndsWith("_Task", StringComparison.Ordinal);
        if ((moment is FaultMoment.InTask or FaultMoment.InTaskAfter && !isTask) || (nth > 1 && operation is not ("ReconfigVM_Task" or "HEAD folder")))
            return;
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        bench.Cloud.Break(new FaultRule { Operation = operation, Moment = moment, Nth = nth, Hangs = moment is FaultMoment.Before or FaultMoment.After ? false : null, Fault = isTask && moment > FaultMoment.After ? "SystemError" : null });
        var (id, failed) = await ThroughAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, stopAtFailure: deletes);
        if (!deletes)
        {
            var machine = bench.At(id)!;
            Assert.That(bench.Cloud.SecretsOf(machine.Reference), Is.EqualTo("active"));
            Assert.That(machine.Options.Keys, Has.No.Member("datum.secrets"));
        }
        else if (failed)
        {
            await bench.TakeDown(verbs, id);
            Assert.That(bench.Cloud.Machines.Where(m => m.Name.StartsWith("ins-", StringComparison.Ordinal)), Is.Empty);
        }

        Assert.That(bench.Cloud.Uploads, Is.Empty);
        Assert.That(bench.Cloud.Machines.Count(m => m.Name.StartsWith("ins-", StringComparison.Ordinal)), Is.LessThanOrEqualTo(1));
    }

    [Test]
    public async Task Deleting_takes_the_medium_along_at_every_point_of_the_way([Range(1, 7)] int done, [Values] bool forgets)
    {
        // The guest takes its time: what waits for it can be interrupted.
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = Bench.Id(ResourceKind.Instance);
        for (var i = 0; i < done; i++)
            id = await StepAsync(bench, verbs, id, spec);
        await bench.TakeDown(verbs, forgets ? id with { Resolved = ImmutableDictionary<string, string>.Empty } : id);
        Assert.That(bench.Cloud.Uploads, Is.Empty);
        Assert.That(bench.Cloud.Machines.Where(m => m.Name.StartsWith("ins-", StringComparison.Ordinal)), Is.Empty);
    }

    [TestCase("power")]
    [TestCase("eject")]
    public async Task A_medium_that_somebody_deleted_is_brought_again_until_the_guest_has_it(string before)
    {
        using var bench = Open();
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestBoot = TimeSpan.FromMinutes(2) };
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "power");
        if (before == "eject")
            id = await StepAsync(bench, verbs, id, spec);
        Assert.That(bench.Cloud.VanishFile(bench.Cloud.Uploads.Single()), Is.True);
        var (built, _, steps) = await bench.Build(verbs, id, spec);
        Assert.That(steps, Is.EqualTo(before == "power" ? Way[2..] : ["Create secrets", .. Way[4..]]));
        Assert.That(bench.Cloud.SecretsOf(bench.At(built)!.Reference), Is.EqualTo("active"));
        Assert.That(bench.Cloud.Uploads, Is.Empty);
    }

    [Test]
    public async Task A_start_without_the_medium_is_refused_and_one_by_a_person_is_taken_back()
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "secrets");
        var refused = await verbs.CreateAsync(bench.Operation(id, new Step { Part = "power", Verb = StepVerb.Create, Class = CreateClass.Repeatable }), id, spec) as Failed<InstanceFacts>;
        Assert.That(refused?.Error is { Code: ErrorCode.PreconditionFailed, Effect: Effect.NotApplied }, Is.True);
        Assert.That(bench.Cloud.Count("PowerOnVM_Task"), Is.Zero);
        bench.Cloud.SetPower(bench.At(id)!.Reference, on: true);
        var (built, _, steps) = await bench.Build(verbs, id, spec);
        Assert.That(steps, Is.EqualTo(new[] { "Update power-off", "Create secrets", "Update power", "Create eject", "Create wipe", "Create wipe" }));
        Assert.That(bench.Cloud.SecretsOf(bench.At(built)!.Reference), Is.EqualTo("active"));
    }

    [TestCase("secrets")]
    [TestCase("power")]
    [TestCase("eject")]
    public async Task A_machine_whose_files_were_moved_gets_its_secrets_and_nothing_stays_at_either_place(string before)
    {
        using var bench = Open();
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestBoot = TimeSpan.FromMinutes(2) };
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, before == "eject" ? "power" : before);
        if (before == "eject")
            id = await StepAsync(bench, verbs, id, spec);
        var machine = bench.At(id)!.Reference;
        Assert.That(bench.Cloud.MoveFiles(machine, "moved-" + before) && bench.Cloud.MoveTo(machine, "elsewhere"), Is.True);
        var (built, _, _) = await bench.Build(verbs, id, spec);
        Assert.That(bench.Cloud.SecretsOf(machine), Is.EqualTo("active"));
        Assert.That(bench.Cloud.Uploads, Is.Empty);
        await bench.TakeDown(verbs, built);
    }

    [Test]
    public async Task A_file_that_was_left_at_the_old_place_of_a_machine_goes_before_another_is_brought()
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "secrets");
        // Brought, and the host died before it was attached.
        bench.Cloud.Break(new FaultRule { Operation = "ReconfigVM_Task", Moment = FaultMoment.Before, Hangs = false });
        Assert.That(await verbs.CreateAsync(bench.Operation(id, Secrets), id, spec), Is.TypeOf<Failed<InstanceFacts>>());
        Assert.That(bench.Cloud.Uploads, Has.Count.EqualTo(1));
        bench.Cloud.MoveFiles(bench.At(id)!.Reference, "moved-away");
        await bench.Build(verbs, id, spec);
        Assert.That((bench.Cloud.Uploads.Count, bench.Cloud.Count("DeleteDatastoreFile_Task")), Is.EqualTo((0, 2)));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_a_machine_that_a_person_destroyed_left_behind_is_deleted_all_the_same(bool wanted)
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "power");
        bench.Cloud.Vanish(bench.At(id)!.Reference);
        Assert.That(bench.Cloud.Uploads, Has.Count.EqualTo(1), "The platform leaves it there.");
        if (wanted)
        {
            // The next incarnation: what was resolved stays.
            var (_, _, steps) = await bench.Build(verbs, id with { Parts = [], Incarnation = 2 }, spec);
            Assert.That(steps.Take(2), Is.EqualTo(new[] { "Create wipe", "Create server" }));
        }
        else
        {
            Assert.That(await bench.TakeDown(verbs, id), Is.EqualTo(new[] { "wipe" }));
        }

        Assert.That(bench.Cloud.Uploads, Is.Empty);
    }

    [Test]
    public async Task A_secret_that_changes_before_it_is_brought_changes_what_the_guest_waits_for()
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "secrets");
        bench.Payloads["database"] = "canary-another";
        spec = Spec(spec.Interfaces[0].Network!, "h2");
        var (built, _, steps) = await bench.Build(verbs, id, spec);
        Assert.That(steps, Is.EqualTo((string[])["Create secrets", .. Way[2..]]), "Its data is written anew, then the medium is brought.");
        Assert.That(bench.Cloud.SecretsOf(bench.At(built)!.Reference), Is.EqualTo("active"));
    }

    [Test]
    public async Task A_guest_that_is_stopped_before_it_has_its_secrets_finds_them_when_it_starts_again()
    {
        using var bench = Open();
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestBoot = TimeSpan.FromMinutes(2) };
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "power");
        id = await StepAsync(bench, verbs, id, spec);
        (id, _, _) = await bench.Build(verbs, id, spec with { Suspended = true });
        Assert.That((bench.At(id)!.PowerState, bench.Cloud.Uploads.Count), Is.EqualTo(("poweredOff", 1)));
        var (built, _, steps) = await bench.Build(verbs, id, spec);
        Assert.That(steps, Is.EqualTo((string[])["Update power", .. Way[4..]]));
        Assert.That((bench.Cloud.SecretsOf(bench.At(built)!.Reference), bench.Cloud.Count("PUT folder")), Is.EqualTo(("active", 1)));
    }

    [Test]
    public async Task A_guest_that_never_reports_is_waited_for_and_keeps_its_medium()
    {
        using var bench = Open();
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestBoot = null };
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "power");
        id = await StepAsync(bench, verbs, id, spec);
        Handle? handle = null;
        for (var i = 0; i < 60; i++)
        {
            var seen = await bench.Observe(verbs, id, spec, handle);
            Assert.That(seen.InProgress?.Message, Does.Contain("secrets"));
            handle = seen.InProgress!.Handle;
            bench.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.That(bench.Cloud.Uploads, Has.Count.EqualTo(1));
        await bench.TakeDown(verbs, id);
        Assert.That(bench.Cloud.Uploads, Is.Empty);
    }

    [Test]
    public async Task A_session_that_ended_is_renewed_for_a_file_too_and_a_right_that_is_missing_is_named()
    {
        using var bench = Open();
        var (verbs, spec) = await StartAsync(bench);
        var id = await UpToAsync(bench, verbs, Bench.Id(ResourceKind.Instance), spec, "secrets");
        bench.Cloud.Knobs = bench.Cloud.Knobs with { Denied = ["Datastore.FileManagement"] };
        var refused = await verbs.CreateAsync(bench.Operation(id, Secrets), id, spec) as Failed<InstanceFacts>;
        Assert.That((refused?.Error.Code, refused?.Error.Effect, refused?.Error.PlatformCode), Is.EqualTo((ErrorCode.Forbidden, Effect.NotApplied, "HTTP 403")));
        bench.Cloud.Knobs = bench.Cloud.Knobs with { Denied = [] };
        bench.Cloud.Break(new FaultRule { Operation = "PUT folder", Moment = FaultMoment.Before, Status = 401 });
        Assert.That(await verbs.CreateAsync(bench.Operation(id, Secrets), id, spec), Is.TypeOf<Running<InstanceFacts>>());
        Assert.That(bench.Cloud.Calls.Where(c => c.Operation == "PUT folder").Select(c => c.Status).Last(), Is.EqualTo(201));
        // The one that was refused wasn't really over.
        bench.Cloud.ExpireSessions();
    }

    [Test]
    public async Task Guests_that_don_t_report_get_no_medium_and_secrets_in_user_data_only_where_that_is_allowed()
    {
        using var bench = Open();
        var silent = new { vlans = new { first = 100, last = 199 }, guestBeacon = false };
        var spec = Spec(new Reference { Name = new string('0', 32) }, "h");
        var careful = await bench.ConnectAsync(silent);
        Assert.That((await careful.Instances!.ValidateAsync(bench.Call(), spec)).Select(f => f.Capability), Does.Contain("secrets"));
        Assert.That((await careful.ProbeAsync(bench.Call())).Value!.Limitations.Single().Capability, Is.EqualTo("secrets"));
        var open = await bench.ConnectAsync(silent, c => c with { AllowSecretsInUserData = true });
        Assert.That(await open.Instances!.ValidateAsync(bench.Call(), spec), Is.Empty);
        var usual = await bench.ConnectAsync();
        Assert.That(await usual.Instances!.ValidateAsync(bench.Call(), spec), Is.Empty);
        Assert.That((await usual.ProbeAsync(bench.Call())).Value!.Limitations, Is.Empty);
    }
}
