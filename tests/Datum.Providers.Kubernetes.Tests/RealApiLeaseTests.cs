namespace Datum.Providers.Kubernetes.Tests;

internal sealed class RealApiLeaseTests : RealApiTestBase
{
    [Test]
    public async Task Leadership_is_handed_over_on_stop_and_taken_again_by_the_other()
    {
        var name = new ObjectKey(Namespace, "leader");
        using var stopA = new CancellationTokenSource();
        using var stopB = new CancellationTokenSource();
        var a = Elector(name, "a");
        var b = Elector(name, "b");
        var runA = Task.Run(() => a.RunAsync(stopA.Token));
        var termA = await a.WaitForLeadershipAsync(Limit);
        var runB = Task.Run(() => b.RunAsync(stopB.Token));
        Assert.That((a.MayMutate(), a.PreviousReleased, b.MayMutate()), Is.EqualTo((true, true, false)));
        var before = a.Deadline;
        await Eventually.HoldsAsync(() => a.Deadline > before, "a renewed");
        Assert.That(b.MayMutate(), Is.False);

        var stopped = TimeProvider.System.GetTimestamp();
        await stopA.CancelAsync();
        await Eventually.HoldsAsync(() => termA.IsCancellationRequested, "the term of a ended");
        var termB = await b.WaitForLeadershipAsync(Limit);
        Assert.That(TimeProvider.System.GetElapsedTime(stopped).TotalSeconds, Is.LessThan(10), "a release is not waited for as a crash is");
        await runA;
        Assert.That((a.MayMutate(), b.MayMutate(), b.PreviousReleased), Is.EqualTo((false, true, true)));

        var lease = (await Client.FindAsync(Core.Leases, name, Limit))!;
        Assert.That((lease.Spec!.HolderIdentity, lease.Spec.LeaseTransitions, lease.Spec.LeaseDurationSeconds), Is.EqualTo(("b", 1, 15)));
        await stopB.CancelAsync();
        await runB;
        Assert.That(termB.IsCancellationRequested);
        lease = (await Client.FindAsync(Core.Leases, name, Limit))!;
        Assert.That(lease.Spec!.HolderIdentity, Is.Null);
    }

    private LeaseElector Elector(ObjectKey name, string identity) => new(Client, SystemScheduler.Instance,
        new LeaseElectorOptions { Lease = name, Identity = identity, RenewEvery = TimeSpan.FromMilliseconds(300), RetryEvery = TimeSpan.FromMilliseconds(200) });
}
