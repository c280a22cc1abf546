"""The vendor's VPS example, ported name for name in the vendor's spelling."""

VPS = """
from puqpanel.sdk import Product, Request, Service, Task, Validator, encrypt, now, response
from puqpanel.sdk.compat import DB, JsonResponse, Schema, generateStrongPassword
import json

from .Services.CloudAPIClient import CloudAPIClient


class VPSHosting(Product):
    def __init__(self):
        super().__init__()
        self.apiClient = CloudAPIClient(self.config("api_url"), self.config("api_key"))

    def activate(self):
        try:
            def servers(table):
                table.id()
                table.uuid("service_uuid")
                table.string("server_id").nullable()
                table.ipAddress("ip_address").nullable()
                table.string("hostname")
                table.string("root_password")
                table.enum("status", ["creating", "active", "suspended", "terminated"])
                table.json("server_specs")
                table.timestamps()
                table.foreign("service_uuid").references("uuid").on("services")
                table.index(["service_uuid", "status"])

            Schema.create("vps_servers", servers)

            def images(table):
                table.id()
                table.string("image_id")
                table.string("name")
                table.string("os_family")
                table.string("version")
                table.boolean("active").default(True)
                table.timestamps()

            Schema.create("vps_images", images)

            # Seed default images
            self.seedDefaultImages()

            return "success"
        except Exception as e:
            self.logError("activate", str(e))
            return "Error: " + str(e)

    def seedDefaultImages(self):
        if not DB.table("vps_images").exists():
            DB.table("vps_images").insert([
                {"image_id": "ubuntu-20.04", "name": "Ubuntu", "os_family": "linux", "version": "20.04"},
                {"image_id": "debian-11", "name": "Debian", "os_family": "linux", "version": 11, "active": False},
            ])

    def deactivate(self):
        Schema.dropIfExists("vps_images")
        Schema.dropIfExists("vps_servers")
        self.logInfo("deactivate", "Module deactivated successfully")
        return "success"

    def getProductData(self, data=None):
        data = data or {}
        self.product_data = {
            "cpu_cores": data.get("cpu_cores", 1),
            "ram_mb": data.get("ram_mb", 1024),
            "disk_gb": data.get("disk_gb", 25),
            "bandwidth_gb": data.get("bandwidth_gb", 1000),
            "location": data.get("location", "us-east-1"),
            "backup_enabled": data.get("backup_enabled", False),
        }
        return self.product_data

    def saveProductData(self, data=None):
        validator = Validator.make(data, {
            "cpu_cores": "required|integer|min:1|max:32",
            "ram_mb": "required|integer|min:512|max:65536",
            "disk_gb": "required|integer|min:10|max:1000",
            "bandwidth_gb": "required|integer|min:100",
            "location": "required|in:us-east-1,us-west-1,eu-west-1",
            "backup_enabled": "boolean",
        })
        if validator.fails():
            return {"status": "error", "message": validator.errors(), "code": 422}
        return {"status": "success", "data": data, "code": 200}

    def getServiceData(self, data=None):
        data = data or {}
        self.service_data = {
            "hostname": data.get("hostname", ""),
            "image_id": data.get("image_id", "ubuntu-20.04"),
            "ssh_keys": data.get("ssh_keys", []),
            "root_password": data.get("root_password") or generateStrongPassword(12),
        }
        return self.service_data

    def createJob(self):
        service = None
        try:
            service = Service.find(self.service_uuid)
            service.setProvisionStatus("processing")

            # Create VPS through cloud API
            vpsData = {
                "name": self.service_data["hostname"],
                "image": self.service_data["image_id"],
                "size": self.getServerSize(),
                "region": self.product_data["location"],
                "ssh_keys": self.service_data["ssh_keys"],
            }

            result = self.apiClient.createServer(vpsData)

            if result["success"]:
                DB.table("vps_servers").insert({
                    "service_uuid": self.service_uuid,
                    "server_id": result["data"]["id"],
                    "hostname": self.service_data["hostname"],
                    "root_password": encrypt(self.service_data["root_password"]),
                    "status": "creating",
                    "server_specs": json.dumps(self.product_data),
                    "created_at": now(),
                    "updated_at": now(),
                })
                self.scheduleStatusCheck(result["data"]["id"])
                self.logInfo("createJob", "VPS creation initiated", result)
                return {"status": "success"}
            service.setProvisionStatus("failed")
            self.logError("createJob", "VPS creation failed", result)
            return {"status": "error", "message": result["error"]}
        except Exception as e:
            if service:
                service.setProvisionStatus("failed")
            self.logError("createJob", "Exception in VPS creation", str(e))
            return {"status": "error", "message": "VPS creation failed: " + str(e)}

    def getServerSize(self):
        # Map product specs to cloud provider size
        cpu = self.product_data["cpu_cores"]
        ram = self.product_data["ram_mb"]

        if cpu == 1 and ram <= 1024:
            return "s-1vcpu-1gb"
        if cpu == 2 and ram <= 2048:
            return "s-2vcpu-2gb"
        if cpu == 4 and ram <= 8192:
            return "s-4vcpu-8gb"

        return "custom"

    def scheduleStatusCheck(self, serverId):
        data = {
            "module": self,
            "method": "statusCheckJob",
            "server_id": serverId,
            "tries": 2,
            "backoff": 0,
            "timeout": 120,
            "maxExceptions": 1,
        }
        Task.add("ModuleJob", "Module", data, ["status_check", "vps"])

    def statusCheckJob(self):
        try:
            # Get server ID from VPS servers table
            vpsServer = DB.table("vps_servers") \\
                .where("service_uuid", self.service_uuid) \\
                .first()

            if not vpsServer:
                self.logError("statusCheckJob", "VPS server record not found")
                return {"status": "error"}

            assert str(self.task_data["server_id"]) == vpsServer.server_id
            result = self.apiClient.getServerStatus(vpsServer.server_id)

            if result["success"] and result["status"] == "active":
                service = Service.find(self.service_uuid)
                service.setProvisionStatus("completed")

                # Update server IP if available
                if result["ip_address"]:
                    DB.table("vps_servers") \\
                        .where("service_uuid", self.service_uuid) \\
                        .update({
                            "ip_address": result["ip_address"],
                            "status": "active",
                            "updated_at": now(),
                        })

                self.logInfo("statusCheckJob", "VPS is now active", result)
            else:
                self.logInfo("statusCheckJob", "VPS still provisioning", result)

                # Re-queue status check if still creating
                if result["status"] == "new" or result["status"] == "creating":
                    self.scheduleStatusCheck(vpsServer.server_id)

            return {"status": "success"}

        except Exception as e:
            self.logError("statusCheckJob", "Status check failed", str(e))
            return {"status": "error"}

    def suspend(self):
        service = Service.find(self.service_uuid)
        service.setProvisionStatus("processing")
        Task.add("ModuleJob", "Module", {"module": self, "method": "suspendJob", "tries": 1, "backoff": 60, "timeout": 600, "maxExceptions": 1},
                 ["suspend", "service:" + self.service_uuid])
        return {"status": "success"}

    def suspendJob(self):
        server = DB.table("vps_servers").where("service_uuid", self.service_uuid).first()
        result = self.apiClient.powerAction(server.server_id, "power_off")
        if not result["success"]:
            Service.find(self.service_uuid).setProvisionStatus("failed")
            return {"status": "error", "message": result["error"]}
        Service.find(self.service_uuid).setProvisionStatus("suspended")
        return {"status": "success"}

    def terminationJob(self):
        return {"success": True}

    def getClientAreaMenuConfig(self):
        return {
            "general": {
                "name": "Overview",
                "template": "client_area.overview",
            },
            "console": {
                "name": "Console",
                "template": "client_area.console",
            },
            "snapshots": {
                "name": "Snapshots",
                "template": "client_area.snapshots",
            },
            "monitoring": {
                "name": "Monitoring",
                "template": "client_area.monitoring",
            },
        }

    def variables_general(self):
        return {"service_data": self.service_data, "config": self.config, "module_name": self.module_name, "service_uuid": self.service_uuid}

    def controllerClient_consoleGet(self, request: Request) -> JsonResponse:
        try:
            vpsServer = DB.table("vps_servers") \\
                .where("service_uuid", self.service_uuid) \\
                .first()

            if not vpsServer:
                return response().json({"error": "Server not found"}, 404)

            # the text's client has no such method, which its page has a sentence for
            consoleUrl = self.apiClient.getConsoleUrl(vpsServer.server_id)

            return response().json({
                "success": True,
                "console_url": consoleUrl,
            })
        except Exception as e:
            return response().json({"error": "Console unavailable"}, 500)
"""
CLIENT = """
import json

from puqpanel.sdk.compat import Client, GuzzleException


class CloudAPIClient:
    def __init__(self, baseUrl, apiKey):
        self.apiKey = apiKey
        self.client = Client({
            'base_uri': baseUrl,
            'timeout': 30,
            'headers': {
                'Authorization': 'Bearer ' + apiKey,
                'Content-Type': 'application/json',
            },
        })

    def createServer(self, data):
        try:
            response = self.client.post('/v2/droplets', {
                'json': data,
            })

            result = json.loads(response.getBody())

            return {
                'success': True,
                'data': result['droplet'],
            }
        except GuzzleException as e:
            return {
                'success': False,
                'error': 'API Error: ' + e.getMessage(),
            }

    def getServerStatus(self, serverId):
        try:
            response = self.client.get(f"/v2/droplets/{serverId}")
            result = json.loads(response.getBody())
            addresses = result['droplet']['networks']['v4']

            return {
                'success': True,
                'status': result['droplet']['status'],
                'ip_address': addresses[0]['ip_address'] if addresses else None,
            }
        except GuzzleException as e:
            return {'success': False, 'error': e.getMessage()}

    def powerAction(self, serverId, action):
        try:
            response = self.client.post(f"/v2/droplets/{serverId}/actions", {
                'json': {'action': action},
            })

            return {'success': True}
        except GuzzleException as e:
            return {'success': False, 'error': e.getMessage()}
"""
VIEWS = {
    "views/client_area/overview.html": (
        "<p>{{ service_data.hostname }} {{ config('name') }} {{ module_name }}</p>"
    ),
    "views/client_area/console.html": "{{ tab }}",
    "views/client_area/snapshots.html": "{{ tab }}",
    "views/client_area/monitoring.html": "{{ tab }}",
}
