"""Modules ported name for name from the kind of text a module author has before them: in the vendor's spelling."""

VPS = '''
from puqpanel.sdk import DB, Product, Schema, Service, Task, Validator, encrypt, decrypt, generateStrongPassword, now, response
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
                table.boolean("active").default(True)
                table.timestamps()

            Schema.create("vps_images", images)
            if not DB.table("vps_images").exists():
                DB.table("vps_images").insert([{"image_id": "ubuntu", "name": "Ubuntu"}, {"image_id": "debian", "name": "Debian", "active": False}])
            return "success"
        except Exception as e:
            self.logError("activate", str(e))
            return "Error: " + str(e)

    def deactivate(self):
        Schema.dropIfExists("vps_images")
        Schema.dropIfExists("vps_servers")
        self.logInfo("deactivate", "Module deactivated successfully")
        return "success"

    def getProductData(self, data=None):
        data = data or {}
        self.product_data = {
            "cpu_cores": data.get("cpu_cores", 1),
            "location": data.get("location", "us-east-1"),
            "backup_enabled": data.get("backup_enabled", False),
        }
        return self.product_data

    def saveProductData(self, data=None):
        validator = Validator.make(data, {
            "cpu_cores": "required|integer|min:1|max:32",
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
            "root_password": data.get("root_password") or generateStrongPassword(12),
        }
        return self.service_data

    def createJob(self):
        service = None
        try:
            service = Service.find(self.service_uuid)
            service.setProvisionStatus("processing")
            result = self.apiClient.createServer({"name": self.service_data["hostname"]})
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
        vpsServer = DB.table("vps_servers").where("service_uuid", self.service_uuid).first()
        if not vpsServer:
            return {"status": "error"}
        assert self.task_data["server_id"] == vpsServer.server_id
        result = self.apiClient.getServerStatus(vpsServer.server_id)
        if result["success"] and result["status"] == "active":
            Service.find(self.service_uuid).setProvisionStatus("completed")
            DB.table("vps_servers").where("service_uuid", self.service_uuid).update({
                "ip_address": result["ip_address"], "status": "active", "updated_at": now(),
            })
            self.logInfo("statusCheckJob", "VPS is now active", result)
        elif result["status"] in ("new", "creating"):
            self.scheduleStatusCheck(vpsServer.server_id)
        return {"status": "success"}

    def suspend(self):
        service = Service.find(self.service_uuid)
        service.setProvisionStatus("processing")
        Task.add("ModuleJob", "Module", {"module": self, "method": "suspendJob", "tries": 1, "backoff": 60, "timeout": 600, "maxExceptions": 1},
                 ["suspend", "service:" + self.service_uuid])
        return {"status": "success"}

    def suspendJob(self):
        Service.find(self.service_uuid).setProvisionStatus("suspended")
        return {"status": "success"}

    def terminationJob(self):
        return {"success": True}

    def getClientAreaMenuConfig(self):
        return {
            "general": {"name": "Overview", "template": "client_area.overview"},
            "console": {"name": "Console", "template": "client_area.console"},
        }

    def variables_general(self):
        return {"service_data": self.service_data, "config": self.config, "module_name": self.module_name, "service_uuid": self.service_uuid}

    def controllerClient_consoleGet(self, request):
        vpsServer = DB.table("vps_servers").where("service_uuid", self.service_uuid).first()
        if not vpsServer:
            return response().json({"error": "Server not found"}, 404)
        return response().json({"success": True, "console_url": "https://console/" + vpsServer.server_id, "asked": request.all()})
'''
CLIENT = '''
class CloudAPIClient:
    asked = 0

    def __init__(self, baseUrl, apiKey):
        self.baseUrl = baseUrl

    def createServer(self, data):
        return {"success": True, "data": {"id": "4711"}} if data["name"] else {"success": False, "error": "no name"}

    def getServerStatus(self, serverId):
        # Each worker's child begins anew: the count is kept outside.
        import pathlib, tempfile
        mark = pathlib.Path(tempfile.gettempdir()) / f"vps-{self.baseUrl}"
        if not mark.exists():
            mark.write_text("x")
            return {"success": True, "status": "new", "ip_address": None}
        mark.unlink()
        return {"success": True, "status": "active", "ip_address": "203.0.113.7"}
'''
VIEWS = {
    "Services/CloudAPIClient.py": CLIENT,
    "views/client_area/overview.html": "<p>{{ service_data.hostname }} {{ config('name') }} {{ module_name }}</p>",
    "views/client_area/console.html": "{{ tab }}",
}
