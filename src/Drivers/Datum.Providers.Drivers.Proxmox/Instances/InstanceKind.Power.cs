using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>Power beside the desired state, for a person or a repair.</summary>
internal sealed partial class InstanceKind
{
    public async ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action)
    {
        var call = operation.Call;
        return await WithServerAsync(call, id, async found =>
        {
            var (current, error, _) = await Api.GetAsync(call, found.Path + "/status/current");
            if (error is not null)
                return Failure(error);
            var running = current.Text("status") == "running";
            var grace = Notes.Read(found.Config.Text("description"))?.Grace;
            RestRequest? request = action switch
            {
                PowerAction.Start => running ? null : RestRequest.Post(found.Path + "/status/start"),
                PowerAction.Stop => running ? Shutdown(found, grace) : null,
                PowerAction.PowerOff => running ? RestRequest.Post(found.Path + "/status/stop") : null,
                // The platform starts it again itself, also when whoever asked is gone.
                PowerAction.Restart => running ? new PveForm().Set("timeout", grace ?? 30).Post(found.Path + "/status/reboot") : RestRequest.Post(found.Path + "/status/start"),
                _ => null,
            };
            if (request is not null)
                return ToOutcome(await Api.ChangeAsync(call, request));
            return action is PowerAction.Start or PowerAction.Stop or PowerAction.PowerOff ? new Done<InstanceFacts>() : Failure(PveErrors.Refused(ErrorCode.Unsupported, $"There is no power action {action}."));
        });
    }
}
